"""CNN210 final-map-too-small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SMALLEST = 3  # positions across CaffeNet's last map


class FinalMapTooSmall(Rule):
    code = "CNN210"
    name = "final-map-too-small"
    severity = "warning"
    structural = True
    what = "The last map of a large image is less than 3x3."
    why = (
        "CaffeNet ends in 3x3. With 2x2 (96 px) it lost 5.7 points, with 1x1 (64 px) 16.2, most of which a smaller "
        "stride in the first convolution won back."
    )
    do = "Leave out a stride, best the first one."
    abstains = (
        "Below 64 px, where nothing was measured. Only strides count: neither pooling to a given size nor a last "
        "convolution as large as the map, which is a linear layer."
    )
    evidence = ("size_96", "size_64")
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
            - repeat: {times: 4, layers: [conv: {channels: 16, stride: 2}]}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
            - repeat: {times: 5, layers: [conv: {channels: 16, stride: 2}]}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        strided = [
            n
            for n in subject.nodes
            if n.kind != "adaptive" and (w := n.operation.window(*n.input_shapes)) and max(w.stride) > 1
        ]
        if subject.side < MEASURED_SIDE or not strided:
            return
        last = min(strided, key=lambda node: min(node.output[1:]))
        left = min(last.output[1:])
        if left < SMALLEST:
            message = (
                f"strides leave {left}x{left} of {subject.side}x{subject.side} px: CaffeNet, which ends in 3x3, lost "
                "5.7 points with 2x2 and 16.2 with 1x1; leave out a stride"
            )
            yield subject.finding(self, message, last.path)
