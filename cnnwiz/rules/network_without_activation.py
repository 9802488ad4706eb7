"""CNN205 network-without-activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class NetworkWithoutActivation(Rule):
    code = "CNN205"
    name = "network-without-activation"
    severity = "error"
    structural = True
    what = "Two or more trained layers and no activation among them."
    why = (
        "A chain of linear layers is one linear layer. CaffeNet lost 8.2 points with max pooling as its only non- "
        "linearity, 11.5 with batch norm, and 43.6 with strided convolutions in place of the pooling."
    )
    do = "Write `activation: relu`."
    abstains = "Where there is any activation, and before a single hidden layer."
    evidence = ("act_none_maxpool", "act_none_nopool", "bn_none")
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {activation: relu}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, activation: none}
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {activation: none}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        trained = [node for node in subject.nodes if node.kind in ("conv", "linear")]
        if subject.activations or len(trained) < 3:
            return
        message = (
            f"no activation in {len(trained)} trained layers: they are together one linear map, but for pooling; "
            "CaffeNet lost 8.2 points so, and 43.6 without max pooling; write relu"
        )
        yield subject.finding(self, message, subject.origin(trained[0], "activation"), write="relu")
