"""CNN412 cropped-polar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.input import PolarMap
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class CroppedPolar(Rule):
    code = "CNN412"
    name = "cropped-polar"
    severity = "warning"
    what = "Random crops in front of polar coordinates around the middle of the image."
    why = (
        "A crop moves the object away from the origin. A rotation is then no shift of the map any more, which is what "
        "polar coordinates are for."
    )
    do = "Remove the crop, or write `centre: learned`."
    abstains = "With `centre: learned`."
    papers = ("arXiv:1709.01889",)
    good = (
        """\
        cnnwiz: 1
        augment: [rotation]
        model:
          input: [polar]
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        augment: [random_crop]
        model:
          input: [polar]
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        fixed = any(isinstance(step, PolarMap) and step.centre == "image" for step in subject.spec.model.input)
        for index, step in enumerate(subject.spec.augment):
            if fixed and step.crops:
                message = f"{step.key} moves the origin of polar coordinates; remove it, or write centre: learned"
                yield subject.finding(self, message, ("augment", index, step.key))
