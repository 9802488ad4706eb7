"""CNN318 adam-with-l1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class AdamWithL1(Rule):
    code = "CNN318"
    name = "adam-with-l1"
    severity = "warning"
    what = "An L1 or Lp penalty together with Adam or AdamW."
    why = (
        "These penalties are part of the gradient, which Adam divides by its size: the force on a weight no longer "
        "is what `factor` says. AdamW spares only its own L2 decay from that."
    )
    do = "Take `sgd`, or an `l2` penalty with `adamw`."
    abstains = "With factor 0, and with other optimizers."
    papers = ("arXiv:1711.05101",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: sgd
        regularization: {l1: {factor: 0.00001}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: adamw
        regularization: {l1: {factor: 0.00001}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        regularization, key = subject.spec.regularization, subject.spec.optimizer.key
        for penalty in (regularization.l1, regularization.lp):
            if key in ("adam", "adamw") and penalty is not None and penalty.factor > 0:
                message = f"{key} rescales the {penalty.key} penalty weight by weight; take sgd, or l2 with adamw"
                yield subject.finding(self, message, ("regularization", penalty.key))
