"""CNN107 colour-space-of-normalized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.input import ColorSpace
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ColourSpaceOfNormalized(Rule):
    code = "CNN107"
    name = "colour-space-of-normalized"
    severity = "error"
    what = "A fixed colour space of images that are normalized, or behind another input transform."
    why = (
        "Hue, saturation and luma are defined for red, green and blue of 0 to 1. Of values around 0, scaled by another "
        "deviation in each channel, the same formulas give neither."
    )
    do = "Write `normalize: none`, put `color_space` first, and a norm behind it where values should be centred."
    abstains = "Behind `polar` and `log_polar`, which leave the colours as they are."
    papers = ("Smith: SIGGRAPH 1978",)
    good = (
        """\
        cnnwiz: 1
        data: {channels: 3, normalize: none}
        model:
          input: [color_space: {space: hsv}]
          layers:
            - norm: {kind: batch}
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {channels: 3}
        model:
          input: [color_space: {space: hsv}]
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        data: {channels: 3, normalize: none}
        model:
          input: [color_transform, color_space: {space: ycbcr}]
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        changed = spec.data.normalize != "none"
        for index, step in enumerate(spec.model.input):
            if isinstance(step, ColorSpace) and changed:
                message = (
                    f"{step.space} reads values of 0 to 1, not these; write data.normalize: none and color_space first"
                )
                yield subject.finding(self, message, ("model", "input", index, step.key))
            changed = changed or step.key.startswith("color")
