"""CNN211 xavier-with-relu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class XavierWithRelu(Rule):
    code = "CNN211"
    name = "xavier-with-relu"
    severity = "warning"
    what = "Xavier initialization before ReLU."
    why = (
        "ReLU sets half of the values to 0, so their mean square halves at every layer; Xavier leaves out the "
        "factor 2 that makes up for it. A plain network of 30 layers did not train so, one of 22 began later."
    )
    do = "Write `init: kaiming`."
    abstains = "Before other activations. With a norm, which rescales every layer, it is only an info."
    papers = ("arXiv:1502.01852",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu, init: xavier}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, init: kaiming}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: relu, init: xavier}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: batch, activation: relu, init: xavier}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        relus = [node for node in subject.activations if node.kind == "relu"]
        if subject.spec.model.defaults.init.key != "xavier" or not relus:
            return
        message = (
            f"Xavier before {len(relus)} ReLUs leaves out their factor 2: the signal's mean square halves at each "
            "layer; write kaiming"
        )
        path = ("model", "defaults", "init")
        yield subject.finding(self, message, path, "info" if subject.normalized else None, write="kaiming")
