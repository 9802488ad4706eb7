"""CNN242 kernel-beyond-map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.pooling import Pool2d
from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class KernelBeyondMap(Rule):
    code = "CNN242"
    name = "kernel-beyond-map"
    severity = "warning"
    structural = True
    what = "A window larger than the map it slides over."
    why = (
        "Padding makes it fit, but some of its weights never meet anything but padding zeros at any position that"
        " matters: of 3x3 weights on a 1x1 map eight are idle."
    )
    do = "Take a 1x1 convolution there, or leave out a stride before."
    abstains = "Without padding: there the window must fit, and one as large as the map is a linear layer."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, stride: 2}
            - conv: {channels: 16, stride: 2}
            - pointwise: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, stride: 2}
            - conv: {channels: 16, stride: 2}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        seen = set()
        for node in subject.nodes:
            op, window = node.operation, node.operation.window(*node.input_shapes)
            if (
                not isinstance(op, (Convolution2d, Pool2d))
                or window is None
                or not any(op.padding)
                or node.path in seen
            ):
                continue
            extents = [1 + (k - 1) * d for k, d in zip(window.kernel, window.dilation, strict=True)]
            height, width = node.input_shapes[0][1:]
            if extents[0] > height or extents[1] > width:
                seen.add(node.path)
                message = (
                    f"a {extents[0]}x{extents[1]} window on a {height}x{width} map: part of it never meets anything "
                    "but "
                    "padding; take a smaller kernel, or less stride before"
                )
                yield subject.finding(self, message, node.path)
