"""CNN317 weight-norm-with-matrix-optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class WeightNormWithMatrixOptimizer(Rule):
    code = "CNN317"
    name = "weight-norm-with-matrix-optimizer"
    severity = "error"
    what = "Weight norm with an optimizer that works on whole weight matrices (K-FAC, Muon)."
    why = (
        "With weight norm a layer's weight is computed from a length and a direction; there is no trained matrix "
        "for the optimizer to work on."
    )
    do = "Take another norm, or `sgd`."
    abstains = "With other optimizers."
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: weight}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: weight}
          layers:
            - conv: {channels: 16}
        optimizer: muon
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        key = subject.spec.optimizer.key
        if key in ("kfac", "muon") and subject.weight_norm:
            message = (
                f"{key} works on weight matrices, which weight norm computes instead of training them; take another "
                "norm"
            )
            yield subject.finding(self, message, ("optimizer", key))
