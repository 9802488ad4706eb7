"""CNN131 cropped-boxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class CroppedBoxes(Rule):
    code = "CNN131"
    name = "cropped-boxes"
    severity = "error"
    what = "A canvas larger than the network's input, with task detect."
    why = "The centre would be cut out of the canvas, and with the margin objects whose boxes stay in the targets."
    do = "Leave `data.canvas` out: with task detect the whole image is stretched to `data.image_size`."
    abstains = "Where the size of the input cannot be told."
    good = (
        """\
        cnnwiz: 1
        task: detect
        data: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        loss: fcos
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: detect
        data:
          source: {pascal_voc: {path: cells}}
          classes: 3
          image_size: 160
          canvas: 184
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        loss: fcos
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        canvas = subject.spec.data.canvas
        if subject.spec.task == "detect" and canvas and subject.side and canvas > subject.side:
            message = f"the centre of {subject.side} px is cut out of a canvas of {canvas}, boxes are not; leave it out"
            yield subject.finding(self, message, ("data", "canvas"))
