"""CNN338 unannealed-a-softmax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.loss import ASoftmax
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import training_steps

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

HARDLY = 20  # l at which the margin weighs less than a twentieth


class UnannealedASoftmax(Rule):
    code = "CNN338"
    name = "unannealed-a-softmax"
    severity = "warning"
    what = "Angular softmax that ends before its margin has come."
    why = (
        "The margin enters with weight 1 / (1 + l), and l falls from 1,000 with the steps. Where training ends at"
        " l of 20 or more, the margin never weighed as much as a twentieth."
    )
    do = "Raise `gamma`, so that l reaches its floor in the first half of training."
    abstains = (
        "Where the number of steps cannot be told without reading the data, and with `m: 1`, which has no margin."
    )
    papers = ("arXiv:1704.08063",)
    good = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: {a_softmax: {gamma: 2}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: a_softmax
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        loss, steps = subject.spec.loss, training_steps(subject)
        if not isinstance(loss, ASoftmax) or loss.m == 1 or steps is None:
            return
        left = max(loss.floor, loss.base * (1 + loss.gamma * steps) ** -loss.power)
        if left >= HARDLY:
            message = (
                f"after all {steps:,} steps l is still {left:.0f}, so the margin weighs {1 / (1 + left):.1%}; raise "
                "gamma"
            )
            yield subject.finding(self, message, ("loss", "a_softmax", "gamma"))
