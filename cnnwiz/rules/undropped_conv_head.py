"""CNN240 undropped-conv-head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.head import ConvHead
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

ENOUGH = 0.3


class UndroppedConvHead(Rule):
    code = "CNN240"
    name = "undropped-conv-head"
    severity = "info"
    what = "A `conv` head of two or more layers with little or no dropout, in a network without norm."
    why = (
        "The averaged scores were right more often, but too sure: on CaffeNet such a head had accuracy 0.482 and "
        "loss 2.52; with dropout 0.3 and 0.5 accuracy 0.491 and loss 2.29."
    )
    do = "Write `dropout: 0.3`."
    abstains = (
        "With any norm, below 64 px, and without hidden layers. The threshold 0.3 is the smaller of the two "
        "measured rates."
    )
    evidence = (
        "clf_512c3_1024c3_1536c1",
        "clf_512c3_1024c3_1536c1_drop",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
          head: {conv: {hidden: [64], dropout: 0.3}}
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
          head: {conv: {hidden: [64]}}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        head = subject.spec.model.head
        small = subject.side < MEASURED_SIDE
        if small or subject.normalized or not isinstance(head, ConvHead) or not head.hidden or head.dropout >= ENOUGH:
            return
        message = (
            f"dropout {head.dropout:g} in a conv head: on CaffeNet (no norm) more of it gained 0.9 points and "
            "brought the loss "
            "from 2.52 to 2.29; try 0.3"
        )
        yield subject.finding(self, message, ("model", "head", "conv", "dropout"), write="0.3")
