"""CNN243 field-below-image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.graph import INPUT
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

BEHIND = ("linear", "dropout", "flatten")
SKETCH = 4  # convolutions, below which nobody means the network to be whole
SMALL = 32  # px, below which a few convolutions see everything


class FieldBelowImage(Rule):
    code = "CNN243"
    name = "field-below-image"
    severity = "info"
    structural = True
    what = "No position of the last map sees as much as half of the image, and the scores are averaged over positions."
    why = (
        "Such a network counts small patterns and cannot tell how they are arranged. That need not be bad: "
        "networks that see patches of 33 px of 224 px do well on ImageNet (arXiv:1904.00760), but those that see "
        "everything do better."
    )
    do = "Add a stride or pooling, or convolutions, until `cnnwiz summary` shows a receptive field of the image's size."
    abstains = (
        "Below 32 px, with fewer than four convolutions, and where anything but an average over positions and one"
        " linear layer ends the network."
    )
    papers = (
        "arXiv:1904.00760",
        "arXiv:1701.04128",
    )
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
            - repeat: {times: 5, layers: [conv: {channels: 16, stride: 2}]}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16, repeat: 4}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        maps = [node for node in subject.nodes if len(node.output) == 3 and max(node.output[1:]) > 1]
        wide = [n for n in subject.convolutions if isinstance(op := n.operation, Convolution2d) and max(op.kernel) > 1]
        if not maps or subject.side < SMALL or len(wide) < SKETCH or not _averages(subject):
            return
        sees = min(max(node.field.size[axis] for node in maps) for axis in (0, 1))
        if 2 * sees < subject.side:
            message = (
                f"positions of the last map see {sees} of {subject.side} px, and their scores are averaged: the "
                "arrangement of parts is lost; add strides or convolutions"
            )
            yield subject.finding(self, message, maps[-1].path)


def _averages(subject: Subject) -> bool:
    """Whether the network ends in the mean over all positions, with nothing behind that but a linear layer."""
    index = len(subject.nodes) - 1
    while index != INPUT and subject.nodes[index].kind in BEHIND:
        index = subject.nodes[index].inputs[0]
    return index != INPUT and subject.nodes[index].kind in ("global_average", "adaptive")
