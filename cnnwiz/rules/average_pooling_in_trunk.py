"""CNN206 average-pooling-in-trunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class AveragePoolingInTrunk(Rule):
    code = "CNN206"
    name = "average-pooling-in-trunk"
    severity = "error"
    structural = True
    what = "Average pooling wherever the trunk of a plain network is made smaller."
    why = (
        "The mean blurs what the convolutions found; the maximum keeps it. Average pooling in all three places lost "
        "3.6 points on CaffeNet."
    )
    do = "Write `pool: max` or `pool: max_plus_avg`."
    abstains = (
        "With shortcuts or branches, where average pooling is customary (DenseNet, ResNet-D); with one such "
        "pooling; for the head's global average. Below 64 px it is an info: on digits of 8 px average pooling "
        "was better (see below)."
    )
    evidence = ("pool_avg",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 128}
        model:
          defaults: {pool: max_plus_avg}
          layers:
            - conv: {channels: 16, repeat: 2}
            - pool: {kernel: 3, stride: 2}
            - conv: {channels: 32}
            - pool: {kernel: 3, stride: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 128}
        model:
          defaults: {pool: average}
          layers:
            - conv: {channels: 16, repeat: 2}
            - pool: {kernel: 3, stride: 2}
            - conv: {channels: 32}
            - pool: {kernel: 3, stride: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        poolings = subject.poolings
        if not subject.plain or len(poolings) < 2 or any(node.kind != "average" for node in poolings):
            return
        message = (
            f"all {len(poolings)} poolings take the mean: CaffeNet lost 3.6 points so against max pooling (128 px); "
            "write max or max_plus_avg"
        )
        measured = subject.side >= MEASURED_SIDE
        severity = None if measured else "info"
        yield subject.finding(self, message, subject.origin(poolings[0], "pool"), severity, write="max")
