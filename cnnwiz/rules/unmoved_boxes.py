"""CNN420 unmoved-boxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.mixing import Mixing
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnmovedBoxes(Rule):
    code = "CNN420"
    name = "unmoved-boxes"
    severity = "error"
    what = "With task detect, something that moves, mixes or hides objects and leaves their boxes where they were."
    why = (
        "A crop, a turn, another image pasted in or polar coordinates put objects elsewhere than their boxes say, and "
        "the network learns to be wrong. Mixing also makes two images' objects half visible."
    )
    do = "Take horizontal_flip, vertical_flip or alternating_flip, which move boxes, or color_jitter and pca_lighting."
    abstains = "Never."
    papers = ("arXiv:1612.08242",)
    good = (
        """\
        cnnwiz: 1
        task: detect
        data: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}
        augment: [horizontal_flip, vertical_flip, color_jitter]
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        loss: fcos
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: detect
        data: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}
        augment: [random_resized_crop, rotation]
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        loss: fcos
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        if spec.task != "detect":
            return
        for index, step in enumerate(spec.augment):
            if not step.keeps_boxes:
                does = "mixes images" if isinstance(step, Mixing) else "moves or hides objects"
                message = f"{step.key} {does} and leaves their boxes; take flips, color_jitter or pca_lighting"
                yield subject.finding(self, message, ("augment", index, step.key))
        for index, step in enumerate(spec.model.input):
            if step.key in ("polar", "log_polar"):
                message = f"{step.key} moves objects and leaves their boxes; remove it"
                yield subject.finding(self, message, ("model", "input", index, step.key))
