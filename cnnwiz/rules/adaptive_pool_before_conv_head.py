"""CNN234 adaptive-pool-before-conv-head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.head import ConvHead
from cnnwiz.catalog.layers import AdaptivePool
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class AdaptivePoolBeforeConvHead(Rule):
    code = "CNN234"
    name = "adaptive-pool-before-conv-head"
    severity = "error"
    what = "An adaptive pooling right before a head of convolutions."
    why = (
        "The head gains by averaging its scores over a larger map; the pooling brings every map to one size first, so "
        "that nothing is left to average."
    )
    do = "Remove the `adaptive_pool`."
    abstains = "Where other layers stand between."
    papers = ("arXiv:1411.4038", "arXiv:1606.02228")
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
          head: {conv: {hidden: [32], kernel: 4}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - adaptive_pool: {size: 4}
          head: {conv: {hidden: [32], kernel: 4}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        model = subject.spec.model
        if isinstance(model.head, ConvHead) and isinstance(model.layers[-1], AdaptivePool):
            message = "adaptive_pool leaves one map size, so head: conv averages nothing; remove it"
            yield subject.finding(self, message, ("model", "layers", len(model.layers) - 1, model.layers[-1].key))
