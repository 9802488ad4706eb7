"""CNN247 double-activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.activation import Activation
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class DoubleActivation(Rule):
    code = "CNN247"
    name = "double-activation"
    severity = "warning"
    structural = True
    what = "An activation right behind another one."
    why = (
        "ReLU of ReLU is ReLU; of two saturating ones the second only narrows what is left. Usually the layer in "
        "front has one already."
    )
    do = "Remove one of them, or write `activation: none` in the layer in front."
    abstains = "Where anything stands between them."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, activation: none}
            - activation: {}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - activation: {}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.activations:
            source = node.inputs[0]
            if source >= 0 and isinstance(subject.nodes[source].operation, Activation):
                message = f"{node.kind} of what {subject.nodes[source].kind} gives; remove one of the two"
                yield subject.finding(self, message, node.path)
