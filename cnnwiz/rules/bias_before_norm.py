"""CNN213 bias-before-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class BiasBeforeNorm(Rule):
    code = "CNN213"
    name = "bias-before-norm"
    severity = "info"
    structural = True
    what = "A convolution with a bias right before batch norm."
    why = (
        "Batch norm subtracts the mean of each channel, and the bias with it: it is trained, stored and without effect."
    )
    do = "Leave `bias` out; without this key there is one only where no norm follows."
    abstains = (
        "Where no `bias` is written; before group or layer norm, whose mean is that of several channels; where an "
        "activation stands between."
    )
    papers = ("arXiv:1502.03167",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, bias: true, order: conv-act-norm}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, bias: true}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        found = {
            node.path
            for index, node in enumerate(subject.nodes)
            if isinstance(op := node.operation, Convolution2d) and op.bias and subject.readers[index]
            if subject.traced or getattr(subject.value(node.path), "bias", None)
            if all(subject.nodes[reader].kind == "batch" for reader in subject.readers[index])
        }
        for path in sorted(found, key=str):
            message = "batch norm subtracts this convolution's bias again; leave bias out"
            yield subject.finding(self, message, (*path, "bias"), write="false")
