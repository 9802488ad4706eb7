"""CNN221 selu-with-shortcuts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SeluWithShortcuts(Rule):
    code = "CNN221"
    name = "selu-with-shortcuts"
    severity = "info"
    structural = True
    what = "SELU in a network with shortcuts."
    why = "The sum of two terms of variance 1 has variance 2, so after each shortcut the fixed point is left again."
    do = "Write `activation: elu`, or `activation: relu` with a norm."
    abstains = "In networks without sums."
    papers = ("arXiv:1706.02515",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - basic: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu}
          layers:
            - basic: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        selus = [node for node in subject.activations if node.kind == "selu"]
        if selus and subject.shortcuts:
            message = "the sum at a shortcut doubles the variance that SELU holds at 1; write elu"
            yield subject.finding(self, message, subject.origin(selus[0], "activation"), write="elu")
