"""CNN201 relu-without-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FEWEST = 3  # ReLUs; the measured networks have 7 (CaffeNet) and 26 (SqueezeNet)
DEEP = 13  # convolutions: VGG-16, which diverged with alpha 1


class ReluWithoutNorm(Rule):
    code = "CNN201"
    name = "relu-without-norm"
    severity = "warning"
    structural = True
    what = "Most activations are ReLU and the network has no normalization."
    why = (
        "Without a norm, ReLU lets the mean of the activations drift away from zero; ELU brings it back and gained "
        "1.7 points on CaffeNet and 2.5 on SqueezeNet. With batch norm the difference is gone."
    )
    do = "Write `activation: elu` (alpha 0.5 from 13 convolutions on), or keep ReLU and write `norm: batch`."
    abstains = "With any norm, with shortcuts, with fewer than three ReLUs."
    evidence = ("act_elu", "arch_squeezenet128_elu", "bn_elu")
    papers = ("arXiv:1511.07289", "arXiv:1606.02228")
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, repeat: 3}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, repeat: 3}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: relu}
          layers:
            - conv: {channels: 16, repeat: 3}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        relus = [node for node in subject.activations if node.kind == "relu"]
        total = len(subject.activations)
        if subject.normalized or subject.shortcuts or len(relus) < FEWEST or 2 * len(relus) <= total:
            return
        elu = "{elu: {alpha: 0.5}}" if len(subject.convolutions) >= DEEP and subject.side >= MEASURED_SIDE else "elu"
        message = (
            f"{len(relus)} of {total} activations are ReLU and nothing normalizes: ELU gained 1.7 points on CaffeNet "
            f"and 2.5 on SqueezeNet (128 px, no norm); write {elu}, or add norm: batch"
        )
        yield subject.finding(self, message, subject.origin(relus[0], "activation"), write=elu)
