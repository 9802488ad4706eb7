"""CNN241 wasted-resolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

REFERENCE = 128  # px, of which CaffeNet's stride 4 leaves
POSITIONS = 30  # along a side
FINE = 28


class WastedResolution(Rule):
    code = "CNN241"
    name = "wasted-resolution"
    severity = "info"
    structural = True
    what = "A larger image, and a stride in the first convolution that throws the gain away."
    why = (
        "CaffeNet's stride 4 leaves 30x30 of 128 px. At 160 px with stride 5 it leaves 30x30 as well, and "
        "accuracy was the same (-0.1 points), as were the multiply-adds of all further layers."
    )
    do = "Take the smaller image, or less stride."
    abstains = (
        "Up to 128 px; with any norm, shortcuts or branches; where less than 28 positions are left, of which "
        "`coarse-stem` tells."
    )
    evidence = (
        "conv1_160_k11s5",
        "size_180",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 160}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, kernel: 11, stride: 4, padding: valid}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 160}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, kernel: 11, stride: 5, padding: valid}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.normalized or not subject.plain or subject.side <= REFERENCE or not subject.convolutions:
            return
        stem = subject.convolutions[0]
        left = min(stem.output[1:])
        if isinstance(op := stem.operation, Convolution2d) and max(op.stride) > 4 and FINE <= left <= POSITIONS:
            message = (
                f"stride {max(op.stride)} leaves {left}x{left} of {subject.side} px, as stride 4 does of {REFERENCE} "
                "px: 160 "
                "px with stride 5 gained nothing on CaffeNet; take less stride, or smaller images"
            )
            yield subject.finding(self, message, (*stem.path, "stride"))
