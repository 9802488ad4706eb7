"""CNN321 low-precision-with-second-order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LowPrecisionWithSecondOrder(Rule):
    code = "CNN321"
    name = "low-precision-with-second-order"
    severity = "error"
    what = "Less than float32 with an optimizer that looks at curvature through the loss (L-BFGS, AdaHessian)."
    why = "Differences of losses and second derivatives are smaller than what bfloat16 and float16 can tell apart."
    do = "Write `precision: float32`, or leave it at `auto`, which then is float32."
    abstains = "With other optimizers."
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: adahessian
        training: {precision: float32}
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
        training: {precision: bfloat16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        precision = subject.spec.training.precision
        if subject.spec.optimizer.full_precision and precision in ("bfloat16", "float16"):
            message = f"{precision} cannot tell apart what {subject.spec.optimizer.key} compares; write float32"
            yield subject.finding(self, message, ("training", "precision"), write="float32")
