"""CNN236 strided-remainder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.layers import Pool
from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class StridedRemainder(Rule):
    code = "CNN236"
    name = "strided-remainder"
    severity = "warning"
    what = "A strided convolution in place of pooling that never reads the last rows and columns."
    why = "Windows that do not fit any more are left out: at stride 2 without padding, an odd map loses its border."
    do = "Take an image size that the strides divide, or padding."
    abstains = "For poolings of other kinds; where padding is all that is left over."
    papers = ("arXiv:1412.6806",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - pool: {kernel: 2, stride: 2, kind: strided_conv}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - pool: {kernel: 3, stride: 3, padding: valid, kind: strided_conv}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.convolutions:
            op = node.operation
            if not isinstance(op, Convolution2d) or not isinstance(subject.value(node.path), Pool):
                continue
            left = [
                have + before - kernel - (count - 1) * stride
                for have, before, kernel, count, stride in zip(
                    node.input_shapes[0][1:], op.padding[::2], op.kernel, node.output[1:], op.stride, strict=True
                )
            ]
            if max(left) > 0:
                message = f"{max(left)} rows or columns at the end are never read; change image size or padding"
                yield subject.finding(self, message, node.path)
