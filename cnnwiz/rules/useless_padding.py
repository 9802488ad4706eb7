"""CNN245 useless-padding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UselessPadding(Rule):
    code = "CNN245"
    name = "useless-padding"
    severity = "warning"
    structural = True
    what = "Padding as wide as the window or wider."
    why = (
        "Some windows then lie in the padding alone: they cost as much as others and always give the same value. "
        "A 1x1 convolution needs no padding at all."
    )
    do = "Write `padding: same`, or less."
    abstains = "Where every window reaches into the map."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, kernel: 1}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, kernel: 1, padding: 1}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.convolutions:
            op = node.operation
            if not isinstance(op, Convolution2d):
                continue
            extents = [1 + (k - 1) * d for k, d in zip(op.kernel, op.dilation, strict=True)]
            if max(op.padding[:2]) >= extents[0] or max(op.padding[2:]) >= extents[1]:
                message = (
                    f"padding {max(op.padding)} around a window of {extents[0]}x{extents[1]}: the outermost windows "
                    "see nothing "
                    "but zeros; write padding: same"
                )
                yield subject.finding(self, message, (*node.path, "padding"), write="same")
