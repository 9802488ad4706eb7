"""CNN405 heavy-dropout-without-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Drop
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

HEAVY = 0.5  # the measured rate
WIDEST = 2048  # features of the measured hidden layers


class HeavyDropoutWithoutNorm(Rule):
    code = "CNN405"
    name = "heavy-dropout-without-norm"
    severity = "warning"
    structural = True
    what = "Dropout of 0.5 or more between hidden linear layers of at most 2048 features, without norm."
    why = (
        "Dropout 0.5 is from layers twice as wide: CaffeNet with 2048 features gained 2.6 points at 0.3. At 0.1 "
        "accuracy tied with 0.5 and the loss was worse."
    )
    do = "Write `dropout: 0.3`."
    abstains = "With any norm, for wider layers, and without hidden linear layers."
    evidence = ("reg_drop03",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, repeat: 2}
            - pool: {kernel: 8, stride: 8}
          head: {flatten: {hidden: [64], dropout: 0.3}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, repeat: 2}
            - pool: {kernel: 8, stride: 8}
          head: {flatten: {hidden: [64], dropout: 0.5}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        linear = [node for node in subject.nodes if node.kind == "linear"]
        if subject.normalized or len(linear) < 2 or max(node.output[0] for node in linear[:-1]) > WIDEST:
            return
        drops = [
            n for n in subject.nodes if isinstance(op := n.operation, Drop) and op.rate >= HEAVY and len(n.output) == 1
        ]
        for path, rate in {n.path: op.rate for n in drops if isinstance(op := n.operation, Drop)}.items():
            field = "rate" if path[-1] == "dropout" else "dropout"
            message = (
                f"dropout {rate:g} behind at most {WIDEST} features: CaffeNet without norm "
                "gained 2.6 points with 0.3 over 0.5; write 0.3"
            )
            yield subject.finding(self, message, (*path, field), write="0.3")
