"""CNN105 grey-from-colour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.source import Published
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class GreyFromColour(Rule):
    code = "CNN105"
    name = "grey-from-colour"
    severity = "error"
    what = "Colour images read as grey ones."
    why = (
        "Colour tells classes of photographs apart: CaffeNet lost 5.8 points on grey ImageNet, and 5.2 when it "
        "could learn how to mix the channels."
    )
    do = "Leave `data.channels` out."
    abstains = "For sources whose images cnnwiz does not know. Below 64 px, where it was not measured, it is a warning."
    evidence = ("col_gray_opencv", "col_gray_learned")
    good = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128, channels: 1}
        model:
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}, channels: 1}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        data = subject.spec.data
        if not isinstance(data.source, Published) or data.source.facts().channels != 3 or data.channels != 1:
            return
        message = (
            f"{data.source.key} is in colour: CaffeNet lost 5.8 points on grey ImageNet (128 px); leave channels out"
        )
        severity = None if subject.side >= MEASURED_SIDE else "warning"
        yield subject.finding(self, message, ("data", "channels"), severity, write="3")
