"""CNN336 l1-with-lbfgs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.second_order import Lbfgs
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class L1WithLbfgs(Rule):
    code = "CNN336"
    name = "l1-with-lbfgs"
    severity = "warning"
    what = "An L1 penalty, or Lp with p below 2, together with L-BFGS."
    why = (
        "L-BFGS estimates curvature from how the gradient changes. At 0 such a penalty has a kink, where the "
        "gradient jumps, and weights are drawn to 0."
    )
    do = "Leave the penalty out, or take another optimizer."
    abstains = "With other optimizers."
    papers = ("Andrew, Gao: ICML 2007",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
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
        regularization: {l1: {factor: 0.0001}}
        training: {batch_size: 2000}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        penalty = subject.spec.regularization
        if not isinstance(subject.spec.optimizer, Lbfgs):
            return
        kink = (
            "l1"
            if penalty.l1 and penalty.l1.factor
            else "lp"
            if penalty.lp and penalty.lp.factor and penalty.lp.p < 2
            else ""
        )
        if kink:
            message = f"the {kink} penalty has a kink at 0, and L-BFGS measures curvature; leave it out"
            yield subject.finding(self, message, ("regularization", kink))
