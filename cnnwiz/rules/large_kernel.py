"""CNN224 large-kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d, show
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LargeKernel(Rule):
    code = "CNN224"
    name = "large-kernel"
    severity = "info"
    structural = True
    what = "A kernel of 5x5 or more behind the first convolution."
    why = (
        "Two 3x3 see as much as a 5x5, with 18 weights for 25 and one more activation between; three see as much as "
        "a 7x7, with 27 for 49."
    )
    do = "Write `conv: {kernel: 3, repeat: 2}` for 5x5, `repeat: 3` for 7x7."
    abstains = (
        "For the first convolution, strides, depthwise and grouped filters, narrow kernels such as 1x5, and in "
        "branches, where kernels differ on purpose."
    )
    papers = ("arXiv:1409.1556",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - conv: {channels: 16, kernel: 3, repeat: 2}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, kernel: 5}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - conv: {channels: 16, kernel: 5}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.convolutions[1:] if subject.plain else []:
            op = node.operation
            if not isinstance(op, Convolution2d) or min(op.kernel) < 5 or op.groups > 1 or max(op.stride) > 1:
                continue
            if op.kernel >= node.input_shapes[0][1:]:
                continue  # it sees the whole map: a linear layer in the form of a convolution
            count = (max(op.kernel) - 1) // 2
            message = (
                f"{count} convolutions of 3x3 see as much as this {show(op.kernel)}, with {9 * count} weights for "
                f"{op.kernel[0] * op.kernel[1]} and activations between"
            )
            yield subject.finding(self, message, (*node.path, "kernel"))
