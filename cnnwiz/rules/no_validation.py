"""CNN501 no-validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.source import Flowers102, Folder, Imagenette
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class NoValidation(Rule):
    code = "CNN501"
    name = "no-validation"
    severity = "info"
    what = "No image is set aside for validation."
    why = (
        "Nothing then tells a network that learns from one that memorizes, and no epoch can be called the best: "
        "the last one is kept."
    )
    do = "Leave `validation` out: a tenth is set aside by default."
    abstains = "For sources with a validation set of their own: flowers102, imagenette, and folders."
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
        data: {validation: {fraction: 0}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        data = subject.spec.data
        if data.validation.fraction == 0 and not isinstance(data.source, (Folder, Flowers102, Imagenette)):
            message = "no image is set aside, so nothing tells learning from memorizing; write a fraction of 0.1"
            yield subject.finding(self, message, ("data", "validation", "fraction"), write="0.1")
