"""CNN232 grouped-pointwise-without-shuffle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.graph import INPUT
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.graph import Node
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class GroupedPointwiseWithoutShuffle(Rule):
    code = "CNN232"
    name = "grouped-pointwise-without-shuffle"
    severity = "warning"
    structural = True
    what = "A grouped 1x1 convolution on a grouped convolution, with no shuffle between."
    why = (
        "Each group then sees only itself again: the two are as many separate small networks as there are groups, and "
        "what one finds the others never learn."
    )
    do = "Place `- shuffle: {groups: G}` between them, or take a whole 1x1 convolution."
    abstains = "For depthwise convolutions, and for kernels beyond 1x1 on both sides, as in AlexNet."
    papers = ("arXiv:1707.01083",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - pointwise: {channels: 16, groups: 2}
            - shuffle: {groups: 2}
            - pointwise: {channels: 16, groups: 2}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - conv: {channels: 16, groups: depthwise}
            - pointwise: {channels: 16, groups: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - pointwise: {channels: 16, groups: 2}
            - pointwise: {channels: 16, groups: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.convolutions:
            before = self._before(subject, node)
            if before and _grouped(node) and _grouped(before) and (_pointwise(node) or _pointwise(before)):
                message = "grouped on grouped without a shuffle between: the groups never meet; place a shuffle"
                yield subject.finding(self, message, node.path)

    def _before(self, subject: Subject, node: Node) -> Node | None:
        """The convolution, other than depthwise, whose channels this one reads; None behind a shuffle or a merge."""
        while len(node.inputs) == 1 and node.inputs[0] != INPUT:
            node = subject.nodes[node.inputs[0]]
            if node.kind == "shuffle":
                return None
            if isinstance(op := node.operation, Convolution2d) and op.groups < node.input_shapes[0][0]:
                return node
        return None


def _grouped(node: Node) -> bool:
    return isinstance(op := node.operation, Convolution2d) and 1 < op.groups < node.input_shapes[0][0]


def _pointwise(node: Node) -> bool:
    return isinstance(op := node.operation, Convolution2d) and op.kernel == (1, 1)
