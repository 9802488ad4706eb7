"""CNN227 batch-norm-in-googlenet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Drop
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SLIGHT = 0.2  # dropout that is as good as none


class BatchNormInGooglenet(Rule):
    code = "CNN227"
    name = "batch-norm-in-googlenet"
    severity = "warning"
    structural = True
    what = "Batch norm put into a GoogLeNet that keeps its dropout or local response norm."
    why = (
        "Each simple way of doing so lost 1.2 to 3.5 points on GoogLeNet, while a rebuilt one (5x5 split, no "
        "dropout, no local response norm, other learning rate) gained 2.6. A tuned network is changed as a whole or "
        "not at all."
    )
    do = (
        "Take the published network with batch norm (Inception v2), or lower dropout to 0.2 and remove local "
        "response norm, and compare both."
    )
    abstains = (
        "Without three modules of three or more concatenated branches; with dropout up to 0.2 and no local response "
        "norm (the threshold lies between measured points)."
    )
    evidence = ("gln_bn_before_ortho", "gln_bn_after_ortho", "gln_bn_lim0606")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: batch}
          layers:
            - repeat:
                times: 3
                layers:
                  - branches:
                      paths:
                        - [pointwise: {channels: 4}]
                        - [conv: {channels: 4}]
                        - [pool: {kernel: 3}]
          head: {average: {dropout: 0.2}}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none}
          layers:
            - repeat:
                times: 3
                layers:
                  - branches:
                      paths:
                        - [pointwise: {channels: 4}]
                        - [conv: {channels: 4}]
                        - [pool: {kernel: 3}]
          head: {average: {dropout: 0.3}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: batch}
          layers:
            - repeat:
                times: 3
                layers:
                  - branches:
                      paths:
                        - [pointwise: {channels: 4}]
                        - [conv: {channels: 4}]
                        - [pool: {kernel: 3}]
          head: {average: {dropout: 0.3}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        modules = [node for node in subject.nodes if node.kind == "concat" and len(node.inputs) >= 3]
        norms = [node for node in subject.norms if node.kind == "batch"]
        dropout = max((op.rate for node in subject.nodes if isinstance(op := node.operation, Drop)), default=0.0)
        local = any(node.kind == "local_response" for node in subject.nodes)
        if len(modules) < 3 or not norms or (dropout <= SLIGHT and not local):
            return
        kept = "local response norm" if local else f"dropout {dropout:g}"
        message = (
            f"batch norm in a GoogLeNet-like network that keeps {kept}: it lost 1.2 to 3.5 points so (128 px); "
            "change it as a whole (+2.6) or not at all, and compare"
        )
        yield subject.finding(self, message, subject.origin(norms[0], "norm"))
