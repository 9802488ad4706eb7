"""CNN229 stochastic-pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class StochasticPooling(Rule):
    code = "CNN229"
    name = "stochastic-pooling"
    severity = "error"
    structural = True
    what = "Stochastic pooling wherever the trunk of a plain network is made smaller."
    why = (
        "A position drawn at random in training, a mean weighted by the values in evaluation: in all three places "
        "it lost 3.3 points on CaffeNet, and more without dropout."
    )
    do = "Write `pool: max` or `pool: max_plus_avg`."
    abstains = (
        "With shortcuts or branches; with one such pooling. Below 64 px it is an info: on digits "
        "of 8 px it was as good (see below)."
    )
    evidence = ("pool_stochastic",)
    papers = ("arXiv:1301.3557",)
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
          defaults: {pool: stochastic}
          layers:
            - conv: {channels: 16, repeat: 2}
            - pool: {kernel: 3, stride: 2}
            - conv: {channels: 32}
            - pool: {kernel: 3, stride: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        poolings = subject.poolings
        if not subject.plain or len(poolings) < 2 or any(node.kind != "stochastic" for node in poolings):
            return
        message = (
            f"all {len(poolings)} poolings are stochastic: CaffeNet lost 3.3 points so against max pooling (128 px); "
            "write max or max_plus_avg"
        )
        severity = None if subject.side >= MEASURED_SIDE else "info"
        yield subject.finding(self, message, subject.origin(poolings[0], "pool"), severity, write="max")
