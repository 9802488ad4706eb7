"""CNN109 shrunken-photos."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.source import Published
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SMALL = 32  # px, the smallest measured side


class ShrunkenPhotos(Rule):
    code = "CNN109"
    name = "shrunken-photos"
    severity = "warning"
    what = "Photographs made as small as 32 px."
    why = (
        "At 32 px CaffeNet lost 8.1 points against 128 px, although its first convolution kept all positions by "
        "stride 1."
    )
    do = "Take 64 px or more: with stride 2 in the first convolution 64 px lost only 2.6."
    abstains = (
        "For sources that are small themselves (cifar10, digits), and for folders and arrays, whose images cnnwiz"
        " does not know."
    )
    evidence = (
        "conv1_32_k3s1",
        "conv1_64_k5s2",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 32}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        source = subject.spec.data.source
        if isinstance(source, Published) and source.facts().image_size is None and 0 < subject.side <= SMALL:
            message = (
                f"photographs at {subject.side} px: CaffeNet lost 8.1 points at 32 px against 128, stride 1 or not; "
                "take 64 "
                "or more"
            )
            yield subject.finding(self, message, ("data", "image_size"))
