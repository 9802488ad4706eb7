"""CNN254 missing-bias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d, Linear
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class MissingBias(Rule):
    code = "CNN254"
    name = "missing-bias"
    severity = "warning"
    what = "`bias: false` where no norm follows."
    why = (
        "Without a shift every filter's threshold is fixed at 0. CaffeNet with biases frozen at 0 lost 2.6 points"
        " (its weight decay was doubled as well)."
    )
    do = "Leave `bias` out: without this key there is one where no norm follows."
    abstains = (
        "Where a norm follows, where nothing is written, and with shortcuts or branches, which hide what follows."
    )
    evidence = ("misc_nobias",)
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, bias: false}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, bias: false}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if not subject.plain or subject.normalized:
            return
        found = {
            node.path
            for node in subject.nodes
            if isinstance(op := node.operation, (Convolution2d, Linear)) and not op.bias
            if getattr(subject.value(node.path), "bias", None) is False
        }
        for path in sorted(found, key=str):
            message = (
                "no bias, and no norm that would shift: CaffeNet lost 2.6 points so (128 px, decay doubled); write true"
            )
            yield subject.finding(self, message, (*path, "bias"), write="true")
