"""CNN219 selu-without-lecun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.initialization import Kaiming
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SeluWithoutLecun(Rule):
    code = "CNN219"
    name = "selu-without-lecun"
    severity = "error"
    what = "SELU with weights whose variance is not 1 / fan_in."
    why = (
        "SELU draws values to mean 0 and variance 1 only if the weights have variance 1 / fan_in; otherwise it is "
        "an ELU with odd constants."
    )
    do = "Write `init: lecun`."
    abstains = "With `kaiming` over fan_in, which before SELU is the same as lecun, and with `lsuv` and `orthogonal`."
    papers = ("arXiv:1706.02515",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu, init: lecun}
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu, init: kaiming}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu, init: xavier}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        init = subject.spec.model.defaults.init
        selus = [node for node in subject.activations if node.kind == "selu"]
        fan_out = isinstance(init, Kaiming) and init.mode == "fan_out"
        if selus and (fan_out or init.key in ("xavier", "gaussian")):
            message = (
                f"SELU keeps mean 0 and variance 1 only with weights of variance 1 / fan_in, not with {init.key}; "
                "write lecun"
            )
            yield subject.finding(self, message, ("model", "defaults", "init"), write="lecun")
