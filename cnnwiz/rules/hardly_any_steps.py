"""CNN329 hardly-any-steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import training_steps

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FEW = 100


class HardlyAnySteps(Rule):
    code = "CNN329"
    name = "hardly-any-steps"
    severity = "warning"
    what = "A training of fewer than 100 steps."
    why = (
        "A step moves weights by little: with so few of them the network is still near its first weights, and "
        "batch norm's running statistics, a tenth new at each step, near theirs."
    )
    do = "Lower `batch_size`, or raise `epochs`."
    abstains = (
        "Where the number of steps cannot be told without reading the data, with L-BFGS and other optimizers that"
        " look at all images many times within a step, and with `model.from`."
    )
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 64}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.2}}
        training: {batch_size: 512, epochs: 30}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        steps = training_steps(subject)
        if steps is None or subject.spec.optimizer.closure or subject.spec.model.origin:
            return
        if steps < FEW:
            message = (
                f"{steps} steps in all, too few to get far from the first weights; lower batch_size, or raise epochs"
            )
            yield subject.finding(self, message, ("training", "batch_size"))
