"""CNN204 deep-plain-elu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.activation import Elu
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

DEPTH = 13  # convolutions of VGG-16, the only measured depth


class DeepPlainElu(Rule):
    code = "CNN204"
    name = "deep-plain-elu"
    severity = "warning"
    structural = True
    what = "ELU with alpha 1 or more in 13 or more convolutions in a row, without norm and without shortcuts."
    why = "VGG-16 at 128 px diverged with alpha 1 and trained with alpha 0.5, which costs 0.3 points on CaffeNet."
    do = "Write `activation: {elu: {alpha: 0.5}}`, or add a norm or shortcuts."
    abstains = (
        "With any norm, with shortcuts or branches, with fewer than 13 convolutions, and below 64 px, where alpha 0.5 "
        "was measured to train worse (see below). One large network was measured."
    )
    evidence = ("arch_vgg16_elu1", "act_elu_alpha05", "act_elu")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        optimizer: {sgd: {lr: 0.005}}
        model:
          defaults: {norm: none, activation: {elu: {alpha: 0.5}}}
          layers:
            - conv: {channels: 16, kernel: 5, stride: 2}
            - repeat: {times: 3, layers: [conv: {channels: 16, stride: 2}]}
            - conv: {channels: 16, kernel: 1, repeat: 9}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        optimizer: {sgd: {lr: 0.005}}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, kernel: 5, stride: 2}
            - repeat: {times: 3, layers: [conv: {channels: 16, stride: 2}]}
            - conv: {channels: 16, kernel: 1, repeat: 9}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        strong = [node for node in subject.activations if isinstance(op := node.operation, Elu) and op.alpha >= 1]
        depth = len(subject.convolutions)
        if not strong or subject.normalized or not subject.plain or depth < DEPTH or subject.side < MEASURED_SIDE:
            return
        message = (
            f"ELU with alpha 1 or more through {depth} convolutions without norm or shortcuts: VGG-16 diverged so at "
            "128 px and trained with alpha 0.5; write elu: {alpha: 0.5}"
        )
        yield subject.finding(self, message, subject.origin(strong[0], "activation"), write="{elu: {alpha: 0.5}}")
