"""CNN301 not-linear-schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.schedule import PolynomialDecay
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

GAINS = {
    "step": "linear decay gained 2.2 points over steps",
    "constant": "linear decay gained 2.2 points over three constant stretches",
    "exponential": "linear decay gained 2.5 points over exponential decay",
    "polynomial": "power 1 (linear decay) gained 1.0 points over powers 0.5 and 2",
}
MEASURED = ("sgd", "momentum", "nesterov", "rmsprop")


class NotLinearSchedule(Rule):
    code = "CNN301"
    name = "not-linear-schedule"
    severity = "warning"
    what = "The learning rate falls in steps, exponentially, by another power than 1, or not at all."
    why = (
        "At equal length linear decay to zero gained 2.2 points over steps on CaffeNet, 2.5 over exponential decay and "
        "1.0 over powers 0.5 and 2; with RMSProp 1.4. It is behind for most of training and wins in the last eighth."
    )
    do = "Write `schedule: linear`."
    abstains = (
        "For cosine and one_cycle, and with optimizers other than SGD and RMSProp, which were not measured. In "
        "networks with a norm it is only an info: there nothing was compared at equal length."
    )
    evidence = ("lr_linear", "lr_exp_160k", "lr_poly_sqr", "lr_poly_sqrt", "sol_rmsprop_linear", "lr_linear_160k")
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
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: {polynomial: {power: 1}}
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
        schedule: {exponential: {final: 0.001}}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: polynomial
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        schedule = subject.spec.schedule
        linear = isinstance(schedule, PolynomialDecay) and schedule.power == 1
        if linear or schedule.key not in GAINS or subject.spec.optimizer.key not in MEASURED:
            return
        unmeasured = " (no norm; not measured with one)" if subject.normalized else " (no norm)"
        message = f"{GAINS[schedule.key]} on CaffeNet at equal length{unmeasured}; write schedule: linear"
        severity = "info" if subject.normalized else None
        yield subject.finding(self, message, ("schedule", schedule.key), severity, write="linear")
