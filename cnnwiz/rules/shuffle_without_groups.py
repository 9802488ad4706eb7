"""CNN249 shuffle-without-groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.catalog.rearrange import Shuffle2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.graph import Node
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ShuffleWithoutGroups(Rule):
    code = "CNN249"
    name = "shuffle-without-groups"
    severity = "warning"
    structural = True
    what = "A channel shuffle between convolutions that see all channels."
    why = (
        "Such a convolution gives every order of channels the same weight: the shuffle costs a copy of the map "
        "and changes nothing that training would not find."
    )
    do = "Remove it, or make the convolutions around it grouped."
    abstains = "Where a grouped convolution, a split or a concatenation stands before it or behind it."
    papers = ("arXiv:1707.01083",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, groups: 2, kind: grouped}
            - shuffle: {groups: 2}
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - shuffle: {groups: 2}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for index, node in enumerate(subject.nodes):
            if not isinstance(op := node.operation, Shuffle2d) or op.groups in (1, node.output[0]):
                continue
            before, behind = node.inputs[0], list(subject.readers[index])
            while before >= 0 and _in_place(subject.nodes[before]):
                before = subject.nodes[before].inputs[0]
            while any(_in_place(subject.nodes[reader]) for reader in behind):
                behind = [
                    further
                    for reader in behind
                    for further in (subject.readers[reader] if _in_place(subject.nodes[reader]) else [reader])
                ]
            around = [subject.nodes[i] for i in (before, *behind) if i >= 0]
            if around and all(_dense(other) for other in around):
                message = "the convolutions around this shuffle see all channels, in whatever order; remove it"
                yield subject.finding(self, message, node.path)


def _in_place(node: Node) -> bool:
    """Whether it keeps channels where they are."""
    return len(node.inputs) == 1 and node.kind not in (
        "conv",
        "linear",
        "slice",
        "shuffle",
        "flatten",
        "global_average",
    )


def _dense(node: Node) -> bool:
    if isinstance(op := node.operation, Convolution2d):
        return op.groups == 1
    return node.kind in ("linear", "flatten", "global_average")
