"""CNN305 adam-with-l2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class AdamWithL2(Rule):
    code = "CNN305"
    name = "adam-with-l2"
    severity = "error"
    what = "An L2 penalty together with Adam."
    why = (
        "Adam divides each gradient by its own size, the penalty's part included: it hardly decays anything, and "
        "large weights least. AdamW applies the decay to the weights directly."
    )
    do = "Write `optimizer: adamw`, with an l2 factor of about 0.01 to 0.05."
    abstains = "With factor 0."
    papers = ("arXiv:1711.05101",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        regularization: {l2: {factor: 0.01}}
        optimizer: adamw
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        regularization: {l2: {factor: 0.0005}}
        optimizer: adam
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        l2 = subject.spec.regularization.l2
        if subject.spec.optimizer.key == "adam" and l2 is not None and l2.factor > 0:
            message = (
                "Adam divides the L2 penalty away, so it hardly decays anything; write adamw (factor about 0.01 to "
                "0.05)"
            )
            yield subject.finding(self, message, ("optimizer", "adam"), write="adamw")
