"""CNN257 grouped-plain-network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class GroupedPlainNetwork(Rule):
    code = "CNN257"
    name = "grouped-plain-network"
    severity = "info"
    structural = True
    what = "Grouped convolutions in a plain network without norm."
    why = (
        "AlexNet's two groups were made for two GPUs: CaffeNet without them gained 1.6 points, at more parameters"
        " and multiply-adds."
    )
    do = "Write `groups: 1`."
    abstains = "With any norm, shortcuts or branches, for depthwise convolutions, below 64 px."
    evidence = ("arch_nogroup",)
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.005}}
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
            - conv: {channels: 16, groups: 2}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.normalized or not subject.plain or subject.side < MEASURED_SIDE:
            return
        found = [n for n in subject.convolutions if isinstance(op := n.operation, Convolution2d) and op.groups > 1]
        found = [node for node in found if "depthwise" not in {p.role for p in node.parameters.values()}]
        if found:
            message = (
                f"{len(found)} grouped convolutions: without groups CaffeNet gained 1.6 points (128 px, no norm), at "
                "more cost; "
                "try groups: 1"
            )
            yield subject.finding(self, message, found[0].path)
