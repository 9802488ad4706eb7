"""CNN332 batch-beyond-data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import training_images

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class BatchBeyondData(Rule):
    code = "CNN332"
    name = "batch-beyond-data"
    severity = "warning"
    what = "A batch larger than the training set."
    why = (
        "Every step then sees all images, fewer than the number that is written; a learning rate scaled to that "
        "number is too high."
    )
    do = "Lower `batch_size`."
    abstains = (
        "Where images cannot be counted without reading the data, and with optimizers that want all images in one"
        " batch (L-BFGS)."
    )
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 64}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.8}}
        training: {batch_size: 2000, epochs: 200}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec, images = subject.spec, training_images(subject)
        if images is not None and spec.training.batch_size > images and not spec.optimizer.closure:
            message = f"batch {spec.training.batch_size:,}, but there are {images:,} images to train on; lower it"
            yield subject.finding(self, message, ("training", "batch_size"))
