"""CNN222 weight-norm-before-batch-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.graph import Node
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class WeightNormBeforeBatchNorm(Rule):
    code = "CNN222"
    name = "weight-norm-before-batch-norm"
    severity = "info"
    structural = True
    what = "Weight norm in front of batch norm."
    why = (
        "Batch norm divides by the deviation of its input, and with it the length of the filters that weight norm "
        "trains: the lengths are without effect."
    )
    do = "Keep one of the two."
    abstains = "Where an activation stands between."
    papers = ("arXiv:1602.07868",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: weight}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: weight}
          layers:
            - conv: {channels: 16, activation: none}
            - norm: {kind: batch}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for index, node in enumerate(subject.nodes):
            readers = [subject.nodes[reader].kind for reader in subject.readers[index]]
            if _weight_norm(node) and readers and all(kind == "batch" for kind in readers):
                message = (
                    "batch norm divides out the lengths of the filters that weight norm trains; keep one of the two"
                )
                yield subject.finding(self, message, subject.origin(node, "norm"))


def _weight_norm(node: Node) -> bool:
    return isinstance(node.operation, Convolution2d) and node.operation.weight_norm
