"""CNN253 skipped-positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SkippedPositions(Rule):
    code = "CNN253"
    name = "skipped-positions"
    severity = "warning"
    structural = True
    what = "A stride larger than the window in a plain network."
    why = (
        "Positions between the windows are never read: of a 1x1 convolution with stride 2 three quarters of the "
        "map were computed for nothing."
    )
    do = "Take a window at least as large as the stride, or pool."
    abstains = "With shortcuts or branches, where 1x1 convolutions with stride 2 are customary beside the body."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - conv: {channels: 16, kernel: 2, stride: 2, padding: valid}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - conv: {channels: 16, kernel: 1, stride: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.convolutions if subject.plain else []:
            op = node.operation
            if isinstance(op, Convolution2d) and any(
                1 + (k - 1) * d < s and size > 1
                for k, d, s, size in zip(op.kernel, op.dilation, op.stride, node.input_shapes[0][1:], strict=True)
            ):
                share = 1 - op.kernel[0] * op.kernel[1] / (op.stride[0] * op.stride[1])
                message = (
                    f"stride {max(op.stride)} with a window of {op.kernel[0]}x{op.kernel[1]} never reads {share:.0%} "
                    "of the map; "
                    "take a larger window, or pool"
                )
                yield subject.finding(self, message, (*node.path, "stride"))
