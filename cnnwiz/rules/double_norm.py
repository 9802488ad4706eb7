"""CNN250 double-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.normalization import Normalization
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class DoubleNorm(Rule):
    code = "CNN250"
    name = "double-norm"
    severity = "warning"
    structural = True
    what = "A norm right behind another one."
    why = "The second normalizes what is normalized, and its scale and shift replace those of the first."
    do = "Remove one of them, or write `norm: none` in the layer in front."
    abstains = "Where anything stands between them."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, norm: none, activation: none}
            - norm: {}
            - activation: {}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, order: conv-act-norm}
            - norm: {}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.norms:
            source = node.inputs[0]
            if source >= 0 and isinstance(subject.nodes[source].operation, Normalization):
                message = f"{node.kind} norm of what {subject.nodes[source].kind} norm gives; remove one of the two"
                yield subject.finding(self, message, node.path)
