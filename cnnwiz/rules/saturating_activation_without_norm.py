"""CNN203 saturating-activation-without-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SATURATING = ("sigmoid", "tanh")
DEEP = 5  # hidden layers; the measured network has 7


class SaturatingActivationWithoutNorm(Rule):
    code = "CNN203"
    name = "saturating-activation-without-norm"
    severity = "error"
    structural = True
    what = "Sigmoid or tanh in several hidden layers without normalization."
    why = (
        "Each such layer shrinks the gradient, sigmoid by a factor of 4 or more: tanh lost 7.0 points on CaffeNet. "
        "With batch norm in front the loss is smaller, 2.4 points for sigmoid."
    )
    do = "Write `activation: relu` with `norm: batch`, or `activation: elu` without a norm."
    abstains = (
        "For gates, which weigh channels or paths; with any norm; with one such layer. From two to four of them "
        "it is a warning: the measured network has seven."
    )
    evidence = ("act_tanh", "bn_sigmoid")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, repeat: 5}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: sigmoid, init: xavier}
          layers:
            - conv: {channels: 16, repeat: 5}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: sigmoid, init: xavier}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        found = [node for i, node in enumerate(subject.nodes) if node.kind in SATURATING and not subject.gates(i)]
        if subject.normalized or len(found) < 2:
            return
        message = (
            f"{found[0].kind} in {len(found)} layers and nothing normalizes: tanh lost 7.0 points against ReLU on "
            "CaffeNet (7 layers, 128 px, no norm); write relu with norm: batch, or elu"
        )
        severity = "error" if len(found) >= DEEP else "warning"
        yield subject.finding(self, message, subject.origin(found[0], "activation"), severity)
