"""CNN404 hinge-without-l2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class HingeWithoutL2(Rule):
    code = "CNN404"
    name = "hinge-without-l2"
    severity = "warning"
    what = "Hinge loss without an L2 penalty."
    why = (
        "The margin is a distance between scores, so twice the weights are twice the margin: without a penalty on "
        "their size, growing them is a way to make the loss small."
    )
    do = "Write `regularization: {l2: {}}`."
    abstains = "With other losses, and with another penalty."
    papers = ("Weston, Watkins: ESANN 1999",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        loss: hinge
        regularization: {l2: {factor: 0.0005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        loss: hinge
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        regularization = subject.spec.regularization
        penalties = (regularization.l2, regularization.l1, regularization.lp)
        if subject.spec.loss.key == "hinge" and not any(penalty and penalty.factor for penalty in penalties):
            message = "without a penalty the hinge's margin is met by larger weights; add regularization: {l2: {}}"
            yield subject.finding(self, message, ("loss", "hinge"))
