"""CNN225 untransformed-colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UntransformedColours(Rule):
    code = "CNN225"
    name = "untransformed-colours"
    severity = "info"
    structural = True
    what = "RGB goes straight into a strided convolution."
    why = (
        "Two 1x1 convolutions that learn a colour space (3 to 10 to 3 channels, leaky ReLU) gained 0.9 to 1.7 "
        "points on CaffeNet, but only 0.4 on GoogLeNet; one more 1x1 convolution behind the first one gained 1.9."
    )
    do = "Begin with two 1x1 convolutions, of 10 and of 3 channels, with `activation: very_leaky_relu`."
    abstains = (
        "For grey images, below 64 px, with shortcuts or branches, and with two or more convolutions before the map "
        "is first made smaller by pooling."
    )
    evidence = ("col_learn_10_3_vlrelu", "col_learn_3_3", "col_learn_10_3_maxout", "gln_res_color", "conv1_nin1")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128}
        model:
          layers:
            - pointwise: {channels: 10, activation: very_leaky_relu}
            - pointwise: {channels: 3, activation: very_leaky_relu}
            - conv: {channels: 32, kernel: 11, stride: 4}
            - pool: {kernel: 3, stride: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128}
        model:
          layers:
            - conv: {channels: 32, kernel: 11, stride: 4}
            - pool: {kernel: 3, stride: 2}
            - conv: {channels: 32}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if not subject.plain or not subject.convolutions or subject.side < MEASURED_SIDE:
            return
        first, op = subject.convolutions[0], subject.convolutions[0].operation
        strided = isinstance(op, Convolution2d) and max(op.kernel) > 1 and max(op.stride) > 1
        before_pooling = (
            subject.nodes[: subject.nodes.index(subject.poolings[0])] if subject.poolings else subject.nodes
        )
        deep = sum(node.kind == "conv" for node in before_pooling) > 1
        if strided and not deep and first.input_shapes[0][0] == 3:
            message = (
                "RGB goes straight into a strided convolution: a learned transform of colours (1x1, 3 to 10 to 3) "
                "gained 0.9 to 1.7 points on CaffeNet (128 px), 0.4 on GoogLeNet; try it"
            )
            yield subject.finding(self, message, first.path)
