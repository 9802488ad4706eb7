"""CNN342 lbfgs-on-part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import training_images

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LbfgsOnPart(Rule):
    code = "CNN342"
    name = "lbfgs-on-part"
    severity = "error"
    what = "L-BFGS on batches that are only part of the training images."
    why = (
        "Curvature is estimated from how the gradient changed between two steps. On other images it changes by "
        "chance, and the estimate is of nothing; training refuses to begin."
    )
    do = "Write a `batch_size` of all training images or more; `micro_batch` keeps memory small."
    abstains = "Where images cannot be counted without reading the data: training tells their number then."
    papers = ("Liu, Nocedal: Math. Programming 45 (1989)",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
        training: {batch_size: 2000}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
        training: {batch_size: 256}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec, images = subject.spec, training_images(subject)
        if spec.optimizer.closure and images is not None and spec.training.batch_size < images:
            message = (
                f"{spec.optimizer.key} needs the same images at every step, all {images:,} of them; write batch_size: "
                f"{images} or more"
            )
            yield subject.finding(self, message, ("training", "batch_size"))
