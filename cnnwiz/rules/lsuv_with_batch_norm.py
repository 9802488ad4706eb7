"""CNN223 lsuv-with-batch-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LsuvWithBatchNorm(Rule):
    code = "CNN223"
    name = "lsuv-with-batch-norm"
    severity = "info"
    what = "LSUV initialization in a network with batch norm."
    why = (
        "LSUV scales each layer to variance 1, which batch norm does at every step: 0.499 with LSUV, 0.500 with "
        "orthonormal filters on CaffeNet with batch norm."
    )
    do = "Write `init: kaiming`, which needs no pass over data."
    abstains = "Without batch norm."
    evidence = ("bn_after_ortho",)
    papers = ("arXiv:1511.06422",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu, init: lsuv}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: batch, init: lsuv}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.model.defaults.init.key == "lsuv" and any(node.kind == "batch" for node in subject.norms):
            message = (
                "batch norm divides out the scale that LSUV sets (0.499 against 0.500 without on CaffeNet); write "
                "kaiming"
            )
            yield subject.finding(self, message, ("model", "defaults", "init"), write="kaiming")
