"""CNN212 kaiming-with-sigmoid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class KaimingWithSigmoid(Rule):
    code = "CNN212"
    name = "kaiming-with-sigmoid"
    severity = "info"
    what = "Kaiming initialization before sigmoid or tanh."
    why = (
        "Kaiming's factor 2 is for ReLU; before others it falls back to variance 1 / fan. Xavier also looks at the "
        "gradient's fan."
    )
    do = "Write `init: xavier`."
    abstains = "Before other activations, and where some activations are ReLU, for which Kaiming is right."
    papers = ("Glorot, Bengio: AISTATS 2010", "arXiv:1502.01852")
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {activation: sigmoid, init: xavier}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {activation: sigmoid, init: kaiming}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        found = [node for node in subject.activations if node.kind in ("sigmoid", "tanh")]
        relus = any(node.kind == "relu" for node in subject.activations)
        if subject.spec.model.defaults.init.key == "kaiming" and found and not relus:
            message = (
                f"Kaiming is made for ReLU; before {found[0].kind} Xavier balances signal and gradient; write xavier"
            )
            yield subject.finding(self, message, ("model", "defaults", "init"), write="xavier")
