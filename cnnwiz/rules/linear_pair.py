"""CNN248 linear-pair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.graph import Node
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LinearPair(Rule):
    code = "CNN248"
    name = "linear-pair"
    severity = "warning"
    structural = True
    what = "A convolution with a window reads another one's output with no activation between."
    why = (
        "Two linear maps are one linear map: with no norm between, or with batch norm once it is trained, the "
        "pair can do no more than a single convolution with the larger window. CaffeNet without any activation "
        "lost 8.2 points."
    )
    do = "Leave the activation in, or write one larger convolution."
    abstains = (
        "For the parts of separable, flattened, asymmetric and grouped convolutions, for 1x1 ones, and where the "
        "channels between are fewer than on both sides (a bottleneck): these pairs save weights. In networks with"
        " shortcuts or branches, where some are left out on purpose; with no activation at all, of which "
        "`network-without-activation` tells."
    )
    evidence = ("act_none_maxpool",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, repeat: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, activation: none}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if not subject.plain or not subject.activations:
            return
        for node in subject.convolutions:
            source = node.inputs[0]
            while source >= 0 and subject.nodes[source].kind == "batch":
                source = subject.nodes[source].inputs[0]
            if (
                source >= 0
                and _whole(subject.nodes[source])
                and _whole(node)
                and subject.nodes[source].path != node.path
            ):
                first = subject.nodes[source]
                if first.output[0] >= min(first.input_shapes[0][0], node.output[0]):
                    message = "two convolutions with no activation between are one linear map; leave the activation in"
                    yield subject.finding(self, message, first.path)


def _whole(node: Node) -> bool:
    """Whether it is a convolution over a window and all channels."""
    op = node.operation
    return isinstance(op, Convolution2d) and op.groups == 1 and min(op.kernel) > 1
