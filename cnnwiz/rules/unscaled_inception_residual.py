"""CNN235 unscaled-inception-residual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Add
from cnnwiz.catalog.structure import Branches, Residual
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnscaledInceptionResidual(Rule):
    code = "CNN235"
    name = "unscaled-inception-residual"
    severity = "warning"
    what = "A residual Inception module of more than 1,000 channels whose body is added at full scale."
    why = (
        "Its authors saw such networks die early in training: the last layers came to produce zeros only, whatever the "
        "learning rate. Scaling the body by 0.1 to 0.3 before the sum steadied them."
    )
    do = "Write `scale: 0.1` to `0.3` in the residual."
    abstains = "Below 1,000 channels, and for bodies without branches, such as bottlenecks."
    papers = ("arXiv:1602.07261",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 1024}
            - residual:
                layers:
                  - branches:
                      paths: [[conv: {channels: 8}], [conv: {channels: 8}]]
                  - pointwise: {channels: 1024, activation: none}
                scale: 0.2
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 1024}
            - residual:
                layers:
                  - branches:
                      paths: [[conv: {channels: 8}], [conv: {channels: 8}]]
                  - pointwise: {channels: 1024, activation: none}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.nodes:
            if not isinstance(node.operation, Add) or node.output[0] <= 1000:
                continue
            layer = subject.value(node.path)
            if isinstance(layer, Residual) and layer.scale == 1 and any(isinstance(x, Branches) for x in layer.layers):
                message = f"an Inception module of {node.output[0]} channels is added unscaled; write scale: 0.2"
                yield subject.finding(self, message, node.path)
