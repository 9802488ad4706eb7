"""CNN320 clipping-with-second-order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ClippingWithSecondOrder(Rule):
    code = "CNN320"
    name = "clipping-with-second-order"
    severity = "error"
    what = "Gradient clipping with L-BFGS or AdaHessian."
    why = (
        "L-BFGS asks for gradients several times within its step, AdaHessian differentiates them: a clipped "
        "gradient is none of theirs, and the value cannot be obeyed."
    )
    do = "Remove `gradient_clip`, or take another optimizer."
    abstains = "With other optimizers."
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: adahessian
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: adahessian
        training: {gradient_clip: 1.0}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        optimizer = subject.spec.optimizer
        if (optimizer.closure or optimizer.create_graph) and subject.spec.training.gradient_clip is not None:
            message = f"gradients of {optimizer.key} cannot be clipped; remove gradient_clip"
            yield subject.finding(self, message, ("training", "gradient_clip"))
