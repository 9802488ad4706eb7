"""CNN218 maxout-with-batch-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class MaxoutWithBatchNorm(Rule):
    code = "CNN218"
    name = "maxout-with-batch-norm"
    severity = "warning"
    structural = True
    what = "Maxout together with batch norm."
    why = (
        "With batch norm a maxout network of equal cost was 1.2 points below ReLU on CaffeNet, although without it "
        "maxout is 1.1 points above."
    )
    do = "Write `activation: relu`, or take maxout without batch norm."
    abstains = "With other norms."
    evidence = ("bn_maxout", "act_maxout_same_cost")
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: maxout}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: batch, activation: maxout}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        found = [node for node in subject.activations if node.kind == "maxout"]
        if found and any(node.kind == "batch" for node in subject.norms):
            message = (
                "maxout with batch norm lost 1.2 points against ReLU on CaffeNet at equal cost (128 px); write relu"
            )
            yield subject.finding(self, message, subject.origin(found[0], "activation"), write="relu")
