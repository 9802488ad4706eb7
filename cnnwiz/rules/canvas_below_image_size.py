"""CNN102 canvas-below-image-size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class CanvasBelowImageSize(Rule):
    code = "CNN102"
    name = "canvas-below-image-size"
    severity = "error"
    what = "A canvas smaller than the images that are cut from it."
    why = "Images are resized to the canvas and then cut to `image_size`, which must fit into it."
    do = "Raise `data.canvas` or leave it out."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 32, canvas: 36}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 32, canvas: 28}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        data = subject.spec.data
        size = data.image_size or data.source.facts().image_size
        if data.canvas is not None and size is not None and data.canvas < size:
            message = f"a canvas of {data.canvas} px is smaller than the image size {size}; raise it or leave it out"
            yield subject.finding(self, message, ("data", "canvas"))
