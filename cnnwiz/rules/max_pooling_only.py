"""CNN207 max-pooling-only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class MaxPoolingOnly(Rule):
    code = "CNN207"
    name = "max-pooling-only"
    severity = "info"
    structural = True
    what = "Max pooling alone in a plain network."
    why = (
        "The sum of max and average pooling gained 1.2 points on CaffeNet and adds no parameter. One network, one "
        "run; a trained mix of both gained nothing."
    )
    do = "Write `pool: max_plus_avg`."
    abstains = "With shortcuts or branches; with fewer than two poolings."
    evidence = ("pool_max_plus_avg",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {pool: max_plus_avg}
          layers:
            - conv: {channels: 16, repeat: 2}
            - pool: {kernel: 2, stride: 2}
            - conv: {channels: 32}
            - pool: {kernel: 2, stride: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {pool: max}
          layers:
            - conv: {channels: 16, repeat: 2}
            - pool: {kernel: 2, stride: 2}
            - conv: {channels: 32}
            - pool: {kernel: 2, stride: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        poolings = subject.poolings
        if not subject.plain or len(poolings) < 2 or any(node.kind != "max" for node in poolings):
            return
        message = (
            "max pooling alone: its sum with average pooling gained 1.2 points on CaffeNet without a parameter (128 "
            "px, one run); try max_plus_avg"
        )
        yield subject.finding(self, message, subject.origin(poolings[0], "pool"), write="max_plus_avg")
