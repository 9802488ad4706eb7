"""CNN316 kfac-without-likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class KfacWithoutLikelihood(Rule):
    code = "CNN316"
    name = "kfac-without-likelihood"
    severity = "error"
    what = "K-FAC with a loss that is no likelihood."
    why = (
        "K-FAC takes curvature from the likelihood that a loss is the negative logarithm of. Hinge and triplet loss "
        "are none, so there is no Fisher matrix."
    )
    do = "Write `loss: cross_entropy`, or take another optimizer."
    abstains = "With other losses."
    papers = ("arXiv:1503.05671",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: kfac
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        loss: hinge
        optimizer: kfac
        regularization: {l2: {factor: 0.0005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.optimizer.key == "kfac" and subject.spec.loss.key in ("hinge", "triplet"):
            message = (
                f"K-FAC needs a likelihood, which {subject.spec.loss.key} is not; write cross_entropy, or take sgd"
            )
            yield subject.finding(self, message, ("optimizer", "kfac"))
