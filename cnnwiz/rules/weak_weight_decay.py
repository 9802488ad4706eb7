"""CNN333 weak-weight-decay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.optimizer import Momentum, Nesterov, Sgd
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

WEAK = 1e-4  # the measured factor


class WeakWeightDecay(Rule):
    code = "CNN333"
    name = "weak-weight-decay"
    severity = "warning"
    what = "An L2 penalty of 1e-4 or less in a plain network without norm that is trained with SGD."
    why = "With 1e-4 instead of 5e-4 CaffeNet lost 2.1 points."
    do = "Write `regularization: {l2: {factor: 0.0005}}`."
    abstains = "With any norm, shortcuts or branches, with other penalties and optimizers, below 64 px."
    evidence = ("reg_wd_1e4",)
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
        optimizer: {sgd: {lr: 0.005}}
        regularization: {l2: {factor: 0.0005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
        optimizer: {sgd: {lr: 0.005}}
        regularization: {l2: {factor: 0.0001}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        penalty = spec.regularization
        if subject.side < MEASURED_SIDE or subject.normalized or not subject.plain or penalty.l1 or penalty.lp:
            return
        if penalty.l2 and penalty.l2.factor <= WEAK and isinstance(spec.optimizer, (Sgd, Momentum, Nesterov)):
            message = (
                f"L2 penalty {penalty.l2.factor:g}: CaffeNet lost 2.1 points with 0.0001 instead of 0.0005 (128 px, "
                "no norm); "
                "write 0.0005"
            )
            yield subject.finding(self, message, ("regularization", "l2", "factor"), write="0.0005")
