"""CNN108 fixed-colour-space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.input import ColorSpace
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding, Severity

LOST = {"grayscale": 5.8, "hsv": 2.0, "ycbcr": 1.3}


class FixedColourSpace(Rule):
    code = "CNN108"
    name = "fixed-colour-space"
    severity = "error"
    what = "A fixed colour space in front of a network for colour images."
    why = (
        "A fixed transform throws away what a network could use: on CaffeNet grey images lost 5.8 points, HSV "
        "2.0, YCbCr 1.3. A learned transform gained 1.4."
    )
    do = "Write `color_transform`, or nothing."
    abstains = (
        "For sources whose images are grey, and where the transform does not read plain RGB, of which another "
        "rule tells. HSV and YCbCr are warnings. Below 64 px, where nothing was measured, grey is a warning and "
        "the others are infos."
    )
    evidence = (
        "col_gray_opencv",
        "col_hsv",
        "col_ycrcb",
        "col_learn_10_3_vlrelu",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128}
        model:
          input: [color_transform]
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128, normalize: none}
        model:
          input: [color_space: {space: grayscale}]
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128, normalize: none}
        model:
          input: [color_space: {space: hsv}]
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if (subject.spec.data.channels or subject.spec.data.source.facts().channels) != 3:
            return
        for index, step in enumerate(subject.spec.model.input):
            if index or not isinstance(step, ColorSpace) or subject.spec.data.normalize != "none":
                continue
            severity: Severity = "error" if step.space == "grayscale" else "warning"
            if subject.side < MEASURED_SIDE:
                severity = "warning" if severity == "error" else "info"
            message = (
                f"{step.space} in place of RGB lost {LOST[step.space]} points on CaffeNet (128 px); a learned "
                "transform "
                "gained 1.4: write color_transform"
            )
            yield subject.finding(self, message, ("model", "input", index, step.key), severity)
