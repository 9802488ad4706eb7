"""CNN502 small-validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import validation_images

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FEW = 100


class SmallValidation(Rule):
    code = "CNN502"
    name = "small-validation"
    severity = "info"
    what = "Fewer than 100 images for validation."
    why = (
        "Of n images an accuracy of 0.9 is known to plus or minus 59 / sqrt(n) points (95 %): 6 points at 100, 12"
        " at 25. The best of many epochs is then mostly the luckiest."
    )
    do = "Raise `fraction`."
    abstains = "Where images cannot be counted without reading the data, and without validation."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        data: {validation: {fraction: 0.03}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        images = validation_images(subject)
        if images is not None and 0 < images < FEW:
            message = (
                f"{images} images for validation: an accuracy of 0.9 is known to {59 / images**0.5:.0f} points only; "
                "raise "
                "fraction"
            )
            yield subject.finding(self, message, ("data", "validation", "fraction"))
