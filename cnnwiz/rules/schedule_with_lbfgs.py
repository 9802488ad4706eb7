"""CNN330 schedule-with-lbfgs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ScheduleWithLbfgs(Rule):
    code = "CNN330"
    name = "schedule-with-lbfgs"
    severity = "error"
    what = "A learning rate that changes, together with L-BFGS."
    why = (
        "L-BFGS finds the length of each step by a line search; its lr is only where the search begins. A schedule "
        "says nothing about the steps and makes every search begin further from its end."
    )
    do = "Write `schedule: constant`."
    abstains = "With other optimizers."
    papers = ("Liu, Nocedal: Math. Programming 45 (1989)",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
        training: {batch_size: 2000}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        training: {batch_size: 2000}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: {constant: {warmup_epochs: 2}}
        training: {batch_size: 2000}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        schedule = subject.spec.schedule
        if subject.spec.optimizer.key == "lbfgs" and (schedule.key != "constant" or schedule.warmup_epochs):
            message = "L-BFGS finds the length of its steps by itself; write schedule: constant, without warm-up"
            yield subject.finding(self, message, ("schedule", schedule.key), write="constant")
