"""CNN255 squashed-scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.head import ConvHead
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SquashedScores(Rule):
    code = "CNN255"
    name = "squashed-scores"
    severity = "error"
    what = "Sigmoid or tanh on the scores that the loss reads."
    why = (
        "The loss takes raw scores and applies its own softmax. Squashed to 0..1 or -1..1 they can never differ "
        "enough: with ten classes softmax of scores in 0..1 gives at most 0.23."
    )
    do = "Leave `final` out of the head."
    abstains = "With `relu`, as in NiN, which leaves scores unbounded above."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
          head: conv
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {init: xavier}
          layers:
            - conv: {channels: 16, activation: elu, norm: none}
          head: {conv: {final: sigmoid}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        head = subject.spec.model.head
        if isinstance(head, ConvHead) and head.final.key in ("sigmoid", "tanh"):
            message = f"{head.final.key} on the scores keeps softmax from ever being sure; leave final out"
            yield subject.finding(self, message, ("model", "head", "conv", "final"), write="none")
