"""CNN410 changed-after-mixing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.augmentation import Flip
from cnnwiz.catalog.mixing import Cutmix, Mixing
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ChangedAfterMixing(Rule):
    code = "CNN410"
    name = "changed-after-mixing"
    severity = "warning"
    what = "A crop, turn, policy or erasing behind cutmix."
    why = (
        "cutmix weighs the two labels by the pixels that each image has. What moves or removes pixels afterwards makes "
        "these shares wrong, and erasing removes regions a second time."
    )
    do = "Put `cutmix` last, and leave out `random_erasing`."
    abstains = "For flips and mixup, which keep the shares."
    papers = ("arXiv:1905.04899",)
    good = (
        """\
        cnnwiz: 1
        augment: [rotation, cutmix]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        augment: [cutmix, rotation]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        steps = subject.spec.augment
        first = next((index for index, step in enumerate(steps) if isinstance(step, Cutmix)), len(steps))
        for index, step in enumerate(steps):
            behind = index > first and not isinstance(step, (Flip, Mixing))
            if behind or (first < len(steps) and step.key == "random_erasing"):
                message = f"{step.key} falsifies or repeats what cutmix does; put cutmix last, without random_erasing"
                yield subject.finding(self, message, ("augment", index, step.key))
