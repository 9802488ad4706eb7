"""CNN407 mixing-with-hard-loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.mixing import Mixing
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class MixingWithHardLoss(Rule):
    code = "CNN407"
    name = "mixing-with-hard-loss"
    severity = "error"
    what = "mixup or cutmix with a loss that needs one class for each image: hinge, triplet, center, a_softmax."
    why = (
        "A mixed image belongs to two classes by shares. A margin to one true class, a centre or an identity is not "
        "defined for it; cross-entropy takes the shares as they are."
    )
    do = "Write `loss: cross_entropy`, or remove mixup and cutmix."
    abstains = "With task detect, where unmoved-boxes (CNN420) speaks."
    papers = ("arXiv:1710.09412", "arXiv:1905.04899")
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
        loss: hinge
        regularization: {l2: {}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        loss = subject.spec.loss
        for index, step in enumerate(subject.spec.augment):
            if isinstance(step, Mixing) and not loss.soft and subject.spec.task != "detect":
                message = f"{step.key} makes images of two classes, but {loss.key} needs one; write loss: cross_entropy"
                yield subject.finding(self, message, ("augment", index, step.key))
