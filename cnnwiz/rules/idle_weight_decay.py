"""CNN334 idle-weight-decay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import training_steps

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FELT = 0.05  # share of a weight


class IdleWeightDecay(Rule):
    code = "CNN334"
    name = "idle-weight-decay"
    severity = "info"
    what = "Decoupled weight decay too weak to be felt in this training."
    why = (
        "AdamW and its kind take lr * factor of each weight away at each step. Over the whole training that must "
        "sum to something: factors of 5e-4, made for SGD, take less than a twentieth."
    )
    do = "Write a factor of 0.01 to 0.05, or leave the penalty out."
    abstains = (
        "With SGD and other optimizers whose penalty is part of the gradient, and where the number of steps "
        "cannot be told without reading the data."
    )
    papers = ("arXiv:1711.05101",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: adamw
        regularization: {l2: {factor: 0.2}}
        training: {epochs: 100}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: adamw
        regularization: {l2: {factor: 0.0005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec, l2, steps = subject.spec, subject.spec.regularization.l2, training_steps(subject)
        if l2 is None or l2.factor == 0 or steps is None or not spec.optimizer.decoupled:
            return
        epochs = [(number + 0.5) * spec.training.epochs / 100 for number in range(100)]
        mean = sum(spec.schedule.factor(epoch, spec.training.epochs) for epoch in epochs) / 100
        taken = spec.optimizer.lr * mean * l2.factor * steps
        if taken < FELT:
            message = (
                f"all {steps:,} steps together take {taken:.1%} of a weight away; write a factor of 0.01 to 0.05, or "
                "leave l2 out"
            )
            yield subject.finding(self, message, ("regularization", "l2", "factor"))
