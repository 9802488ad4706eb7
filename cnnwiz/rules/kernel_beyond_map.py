"""CNN242 kernel-beyond-map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

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
    what = "A window so large for its map that some of its weights never meet anything but padding."
    why = (
        "They are stored, decayed and multiplied with zeros: of the 3x3 weights of a convolution on a 1x1 map eight "
        "are idle, and it is a 1x1 convolution."
    )
    do = "Take a 1x1 convolution there, or leave out a stride before."
    abstains = "Where each weight meets the map at some position, as those of 3x3 on a 2x2 map do; for pooling."
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
            - conv: {channels: 16, stride: 2}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        seen = set()
        for node in subject.convolutions:
            op, path = node.operation, node.path
            if not isinstance(op, Convolution2d) or not any(op.padding) or path in seen:
                continue
            met = [
                _met(kernel, stride, dilation, before, size, positions)
                for kernel, stride, dilation, before, size, positions in zip(
                    op.kernel,
                    op.stride,
                    op.dilation,
                    op.padding[::2],
                    node.input_shapes[0][1:],
                    node.output[1:],
                    strict=True,
                )
            ]
            used, all_of_them = met[0] * met[1], op.kernel[0] * op.kernel[1]
            if used < all_of_them:
                seen.add(path)
                height, width = node.input_shapes[0][1:]
                message = (
                    f"of the {all_of_them} weights of this window only {used} ever meet the {height}x{width} map; take "
                    "a smaller kernel, or less stride before"
                )
                yield subject.finding(self, message, path)


def _met(kernel: int, stride: int, dilation: int, before: int, size: int, positions: int) -> int:
    """How many of a window's weights along one axis lie on the map at any position; the others only on padding."""
    offsets = [position * stride - before for position in range(positions)]
    return sum(any(0 <= offset + tap * dilation < size for offset in offsets) for tap in range(kernel))
