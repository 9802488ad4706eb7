"""CNN303 mismatched-learning-rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.optimizer import Momentum, Nesterov, Sgd
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding, Severity

FITTING = 0.01 / 256  # CaffeNet's learning rate per image of a batch


class MismatchedLearningRate(Rule):
    code = "CNN303"
    name = "mismatched-learning-rate"
    severity = "error"
    what = "A learning rate far from the one that fits the batch, in a plain network without norm."
    why = (
        "CaffeNet trained well at 0.01 for a batch of 256, and in proportion from 1 to 512. A quarter of that lost "
        "5.2 points and half of it 1.6 with the same images seen; up to four times as much cost nothing, eight "
        "times 0.8. With tanh four times as much cost 1.7 or diverged."
    )
    do = "Multiply `lr` by what you multiplied `batch_size` by; without norm begin at 0.01 for 256."
    abstains = (
        "With any norm, shortcuts, branches or warm-up, with images below 64 px, and with optimizers other than SGD "
        "with momentum 0.85 to 0.95: their recipes differ."
    )
    evidence = ("bs1024_fixed_lr", "bs512_fixed_lr", "bs32_fixed_lr", "bs_tanh_64")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
        optimizer: {sgd: {lr: 0.01}}
        training: {batch_size: 256}
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
        optimizer: {sgd: {lr: 0.0025}}
        training: {batch_size: 256}
        """,
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
        optimizer: {sgd: {lr: 0.1}}
        training: {batch_size: 128}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec, sgd = subject.spec, subject.spec.optimizer
        recipe = isinstance(sgd, (Sgd, Momentum, Nesterov)) and 0.85 <= sgd.momentum <= 0.95
        if not recipe or spec.schedule.warmup_epochs or subject.side < MEASURED_SIDE:
            return
        if subject.normalized or not subject.plain:
            return
        ratio = sgd.lr / spec.training.batch_size / FITTING
        saturating = any(node.kind in ("sigmoid", "tanh") for node in subject.activations)
        severity, effect = _judge(ratio, saturating)
        if severity:
            fitting = f"{FITTING * spec.training.batch_size:.2g}"
            message = (
                f"lr {sgd.lr:g} for batch {spec.training.batch_size} is {ratio:.2g} times CaffeNet's 0.01 for 256 "
                f"(no norm): {effect}; try {fitting}"
            )
            yield subject.finding(self, message, ("optimizer", sgd.key, "lr"), severity)


def _judge(ratio: float, saturating: bool) -> tuple[Severity | None, str]:
    """Severity and effect of a learning rate `ratio` times the fitting one."""
    if ratio <= 0.25:
        return "error", "a quarter of it lost 5.2 points"
    if ratio <= 0.5:
        return "warning", "half of it lost 1.6 points"
    if saturating and ratio >= 4:
        return "error", "four times as much lost 1.7 points or diverged with tanh"
    if ratio >= 8:
        return "warning", "eight times as much lost 0.8 points"
    return None, ""
