"""CNN315 weight-decay-with-lbfgs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class WeightDecayWithLbfgs(Rule):
    code = "CNN315"
    name = "weight-decay-with-lbfgs"
    severity = "error"
    what = "An L2 penalty as weight decay together with L-BFGS."
    why = "L-BFGS has no weight decay; training refuses to start."
    do = "Write the penalty into the loss: `regularization: {lp: {p: 2}}`."
    abstains = "With factor 0."
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
        regularization: {lp: {factor: 0.0005, p: 2}}
        training: {batch_size: 2000}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
        regularization: {l2: {factor: 0.0005}}
        training: {batch_size: 2000}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        l2 = subject.spec.regularization.l2
        if subject.spec.optimizer.key == "lbfgs" and l2 is not None and l2.factor > 0:
            message = "L-BFGS has no weight decay; write the penalty into the loss, as lp with p 2"
            yield subject.finding(self, message, ("regularization", "l2"))
