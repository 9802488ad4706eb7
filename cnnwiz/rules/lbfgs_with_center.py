"""CNN324 lbfgs-with-center."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LbfgsWithCenter(Rule):
    code = "CNN324"
    name = "lbfgs-with-center"
    severity = "error"
    what = "Center loss with L-BFGS."
    why = (
        "L-BFGS evaluates the loss several times in a step and compares gradients between steps. The centres move "
        "by a rule of their own, counting each evaluation, so it compares gradients of different functions."
    )
    do = "Take `sgd` or `adamw`."
    abstains = "With other losses and optimizers."
    good = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: center
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: embed
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: center
        optimizer: lbfgs
        schedule: constant
        training: {batch_size: 2000}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.loss.key == "center" and subject.spec.optimizer.key == "lbfgs":
            message = "the centres of center loss move between the evaluations of lbfgs; take sgd or adamw"
            yield subject.finding(self, message, ("optimizer", "lbfgs"))
