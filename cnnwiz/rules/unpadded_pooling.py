"""CNN238 unpadded-pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.pooling import Pool2d
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SMALL = 3  # positions across CaffeNet's last map


class UnpaddedPooling(Rule):
    code = "CNN238"
    name = "unpadded-pooling"
    severity = "info"
    structural = True
    what = "Pooling 3x3 with stride 2 and no padding in a plain network that ends in 3x3 or less."
    why = (
        "Padding 1 kept 5x5 at the end of CaffeNet and gained 1.7 points, windows of 2x2 kept 4x4 and gained 1.3."
        " Both cost more: 21.7 and 17.0 instead of 13.3 million parameters, 291 and 243 instead of 209 million "
        "multiply-adds."
    )
    do = "Write `padding: 1`, or `kernel: 2`."
    abstains = "With any norm, shortcuts or branches; below 64 px."
    evidence = (
        "pool_max_3x3s2_pad1",
        "pool_max_2x2s2",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu, pool: max_plus_avg}
          layers:
            - conv: {channels: 16, stride: 2}
            - repeat:
                times: 3
                layers: [pool: {kernel: 3, stride: 2, padding: 1}]
        optimizer: {sgd: {lr: 0.005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu, pool: max_plus_avg}
          layers:
            - conv: {channels: 16, stride: 2}
            - repeat:
                times: 3
                layers: [pool: {kernel: 3, stride: 2, padding: valid}]
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.normalized or not subject.plain or subject.side < MEASURED_SIDE or not subject.poolings:
            return
        bare = [
            node
            for node in subject.poolings
            if isinstance(op := node.operation, Pool2d)
            and op.kernel == (3, 3)
            and op.stride == (2, 2)
            and not any(op.padding)
        ]
        left = min(min(node.output[1:]) for node in subject.poolings)
        if bare and left <= SMALL:
            message = (
                f"3x3 poolings without padding leave {left}x{left}: with padding 1 CaffeNet gained 1.7 points, with "
                "2x2 "
                "windows 1.3 (128 px, no norm), at more cost; try padding: 1"
            )
            yield subject.finding(self, message, bare[0].path)
