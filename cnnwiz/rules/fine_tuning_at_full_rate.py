"""CNN341 fine-tuning-at-full-rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class FineTuningAtFullRate(Rule):
    code = "CNN341"
    name = "fine-tuning-at-full-rate"
    severity = "warning"
    what = "A later phase at a larger image size begins at the full learning rate."
    why = (
        "The schedule begins anew with each phase: at the rate of the first one the steps are large enough to "
        "destroy what was learned. YOLO9000 trained at 224 px from 0.1 on and fine-tuned 10 epochs at 448 px from"
        " 0.001 on."
    )
    do = "Write `lr` in that phase, a tenth or a hundredth of the first."
    abstains = (
        "For the first phase, for phases at the size of the one before, where images grow within a phase, and "
        "where a phase has a schedule of its own."
    )
    papers = ("arXiv:1612.08242",)
    good = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16, stride: 2}
        phases:
          - {epochs: 10, image_size: 24}
          - {epochs: 2, lr: 0.01}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16, stride: 2}
        phases:
          - {epochs: 10, image_size: 24}
          - {epochs: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec, before = subject.spec, None
        for index, phase in enumerate(spec.phases):
            side, lr = phase.image_size or subject.side, phase.lr or spec.optimizer.lr
            if before and side > before[0] and lr >= before[1] and not phase.schedule and not phase.grow_from:
                message = (
                    f"the schedule begins anew at lr {lr:g} for {side} px: such steps undo what was learned at "
                    f"{before[0]}; "
                    f"write lr: {lr / 10:g} or less"
                )
                yield subject.finding(self, message, ("phases", index))
            before = (side, lr)
