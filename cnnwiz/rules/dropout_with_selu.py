"""CNN406 dropout-with-selu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class DropoutWithSelu(Rule):
    code = "CNN406"
    name = "dropout-with-selu"
    severity = "error"
    structural = True
    what = "Ordinary dropout behind SELU."
    why = (
        "Setting values to 0 changes the mean 0 and the variance 1 that SELU holds: at rate 0.1 the variance "
        "becomes 1.11."
    )
    do = "Leave dropout out, or write `activation: elu`."
    abstains = "With other activations."
    papers = ("arXiv:1706.02515",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu}
          layers:
            - conv: {channels: 16}
          head: {average: {dropout: 0.1}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        drops = [node for node in subject.nodes if node.kind == "dropout"]
        if drops and any(node.kind == "selu" for node in subject.activations):
            message = (
                "dropout changes the mean and variance that SELU holds (variance 1.11 at rate 0.1); leave it out, "
                "or write elu"
            )
            yield subject.finding(self, message, drops[0].path)
