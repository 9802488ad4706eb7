"""CNN301 step-schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.optimizer import Sgd
from cnnwiz.catalog.schedule import StepDecay
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class StepSchedule(Rule):
    code = "CNN301"
    name = "step-schedule"
    severity = "warning"
    what = "The learning rate falls in steps although the number of epochs is fixed."
    why = (
        "With the same steps, linear decay to zero gained 2.2 points over three steps on CaffeNet, and 2.5 over "
        "exponential decay at half the length. It is behind for most of training and wins in the last eighth."
    )
    do = "Write `schedule: linear`."
    abstains = (
        "With optimizers other than SGD. In networks with a norm it is only an info: there linear and step decay were "
        "never compared at the same length."
    )
    evidence = ("lr_linear", "lr_exp_160k", "lr_linear_160k")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        schedule: linear
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        schedule: step
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: {step: {milestones: [0.3, 0.6, 0.9]}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if not isinstance(subject.spec.schedule, StepDecay) or not isinstance(subject.spec.optimizer, Sgd):
            return
        message = "step decay: linear decay to zero gained 2.2 points over it on CaffeNet at the same length"
        if subject.normalized:
            message += " (no norm; not measured with one); write schedule: linear"
            yield subject.finding(self, message, ("schedule", "step"), "info", write="linear")
        else:
            yield subject.finding(self, message + "; write schedule: linear", ("schedule", "step"), write="linear")
