"""CNN214 ceil-with-strided-conv."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.layers import Pool
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class CeilWithStridedConv(Rule):
    code = "CNN214"
    name = "ceil-with-strided-conv"
    severity = "error"
    what = "`ceil: true` for a pooling that is a strided convolution."
    why = "A convolution has no partly filled windows, so the value cannot be obeyed."
    do = "Remove `ceil`, or pad."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {pool: strided_conv}
          layers:
            - conv: {channels: 16}
            - pool: {kernel: 2, stride: 2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {pool: strided_conv}
          layers:
            - conv: {channels: 16}
            - pool: {kernel: 2, stride: 2, ceil: true}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        paths = dict.fromkeys(node.path for node in subject.convolutions)
        for path in paths:
            layer = subject.value(path)
            if isinstance(layer, Pool) and layer.ceil:
                message = "a strided convolution has no partly filled windows: ceil cannot be obeyed; remove it"
                yield subject.finding(self, message, (*path, "ceil"), write="false")
