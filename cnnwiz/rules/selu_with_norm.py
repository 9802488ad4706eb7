"""CNN220 selu-with-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SeluWithNorm(Rule):
    code = "CNN220"
    name = "selu-with-norm"
    severity = "error"
    structural = True
    what = "SELU together with a norm."
    why = (
        "SELU normalizes by itself; a norm behind or before it does the same once more and undoes its fixed point. "
        "SELU gained nothing over ReLU on CaffeNet even without one."
    )
    do = "Write `norm: none`, or `activation: relu`."
    abstains = "Without a norm."
    evidence = ("act_selu",)
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
          defaults: {norm: batch, activation: selu}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        selus = [node for node in subject.activations if node.kind == "selu"]
        if selus and subject.norms:
            message = (
                f"SELU normalizes by itself, and here is also {subject.norms[0].kind} norm; write relu, or norm: none"
            )
            yield subject.finding(self, message, subject.origin(selus[0], "activation"), write="relu")
