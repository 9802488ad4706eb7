"""CNN226 unfit-colour-transform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnfitColourTransform(Rule):
    code = "CNN226"
    name = "unfit-colour-transform"
    severity = "warning"
    what = "A learned colour transform with tanh or sigmoid between its 1x1 convolutions, or with nothing."
    why = (
        "With tanh the transform lost 0.8 points on CaffeNet, where leaky ReLU gained 1.4. Without an activation "
        "two 1x1 convolutions are one linear map, which the next convolution could do itself."
    )
    do = "Write `activation: very_leaky_relu` for both 1x1 convolutions."
    abstains = "For grey images; where the network does not begin with two 1x1 convolutions."
    evidence = ("col_learn_10_3_tanh", "col_learn_10_3_vlrelu")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {channels: 3}
        model:
          layers:
            - pointwise: {channels: 10, activation: very_leaky_relu}
            - pointwise: {channels: 3, activation: very_leaky_relu}
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {channels: 3}
        model:
          defaults: {norm: none, activation: elu, init: xavier}
          layers:
            - pointwise: {channels: 10, activation: tanh}
            - pointwise: {channels: 3}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if len(subject.convolutions) < 2 or subject.convolutions[0].input_shapes[0][0] != 3:
            return
        first, second = subject.convolutions[:2]
        if any(not isinstance(op := node.operation, Convolution2d) or op.kernel != (1, 1) for node in (first, second)):
            return
        between = subject.nodes[subject.nodes.index(first) : subject.nodes.index(second)]
        activations = [node.kind for node in between if isinstance(node.operation, Activation)]
        if not activations or activations[0] in ("tanh", "sigmoid"):
            named = activations[0] if activations else "no activation"
            message = (
                f"a colour transform with {named} between: tanh lost 0.8 points on CaffeNet, leaky ReLU gained 1.4; "
                "write very_leaky_relu"
            )
            yield subject.finding(self, message, (*first.path, "activation"), write="very_leaky_relu")
