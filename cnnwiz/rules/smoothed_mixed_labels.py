"""CNN411 smoothed-mixed-labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.loss import CrossEntropy
from cnnwiz.catalog.mixing import Mixing
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SmoothedMixedLabels(Rule):
    code = "CNN411"
    name = "smoothed-mixed-labels"
    severity = "warning"
    what = "Label smoothing together with mixup or cutmix."
    why = "Mixed labels are soft already; smoothing them once more takes confidence away a second time."
    do = "Write `label_smoothing: 0`, or leave the mixing out."
    abstains = "Never."
    papers = ("arXiv:1710.09412",)
    good = (
        """\
        cnnwiz: 1
        augment: [mixup]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        augment: [mixup]
        model:
          layers:
            - conv: {channels: 16}
        loss: {cross_entropy: {label_smoothing: 0.1}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        loss, steps = subject.spec.loss, subject.spec.augment
        mixing = [step.key for step in steps if isinstance(step, Mixing)]
        if mixing and isinstance(loss, CrossEntropy) and loss.label_smoothing > 0:
            message = f"{mixing[0]} softens labels already; write label_smoothing: 0"
            yield subject.finding(self, message, ("loss", "cross_entropy", "label_smoothing"), write="0.0")
