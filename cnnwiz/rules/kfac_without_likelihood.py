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
    what = "K-FAC with another loss than the likelihood of the network's scores."
    why = (
        "K-FAC takes curvature from the likelihood that a loss is the negative logarithm of. Hinge and triplet loss "
        "are none, so there is no Fisher matrix; with task embed the scores are made outside of the network."
    )
    do = "Write `loss: cross_entropy`, or take another optimizer."
    abstains = "With cross_entropy and task classify."
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
        spec = subject.spec
        if spec.optimizer.key != "kfac" or (spec.loss.key == "cross_entropy" and spec.task == "classify"):
            return
        culprit = spec.loss.key if spec.task == "classify" else f"task {spec.task}"
        message = f"K-FAC needs the likelihood of the network's scores, which {culprit} has not; take sgd or soap"
        yield subject.finding(self, message, ("optimizer", "kfac"))
