"""CNN202 elu-with-batch-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class EluWithBatchNorm(Rule):
    code = "CNN202"
    name = "elu-with-batch-norm"
    severity = "info"
    structural = True
    what = "ELU together with batch norm."
    why = (
        "What ELU gains, a mean near zero, batch norm already gives: 0.498 with ELU, 0.499 with ReLU on CaffeNet with "
        "batch norm. ELU costs an exponential for each negative value."
    )
    do = "Write `activation: relu`."
    abstains = "With norms other than batch norm."
    evidence = ("bn_elu", "act_elu")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: batch, activation: relu}
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: batch, activation: elu}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        elus = [node for node in subject.activations if node.kind == "elu"]
        if not elus or all(node.kind != "batch" for node in subject.norms):
            return
        message = (
            "ELU gains nothing over ReLU once batch norm is there (0.498 against 0.499 on CaffeNet) and costs more; "
            "write relu"
        )
        yield subject.finding(self, message, subject.origin(elus[0], "activation"), write="relu")
