"""CNN217 lecun-with-relu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LecunWithRelu(Rule):
    code = "CNN217"
    name = "lecun-with-relu"
    severity = "warning"
    what = "LeCun initialization before ReLU or one of its smooth relatives."
    why = (
        "Variance 1 / fan_in fits activations that are about linear. ReLU keeps half of the mean square, so the "
        "signal halves at every layer."
    )
    do = "Write `init: kaiming`."
    abstains = "Before other activations. With a norm, which rescales every layer, it is only an info."
    papers = ("arXiv:1502.01852",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu, init: lecun}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: relu, init: lecun}
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        halving = [node for node in subject.activations if node.kind in ("relu", "gelu", "silu")]
        if subject.spec.model.defaults.init.key != "lecun" or not halving:
            return
        message = (
            f"LeCun's variance before {len(halving)} layers of {halving[0].kind} leaves out a factor 2: the signal's "
            "mean square halves at each; write kaiming"
        )
        path = ("model", "defaults", "init")
        yield subject.finding(self, message, path, "info" if subject.normalized else None, write="kaiming")
