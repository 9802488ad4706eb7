"""CNN310 batch-norm-on-small-batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import batches

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

ENOUGH = 16  # images: below, the error of ResNet-50 rises quickly in arXiv:1803.08494


class BatchNormOnSmallBatch(Rule):
    code = "CNN310"
    name = "batch-norm-on-small-batch"
    severity = "error"
    what = "Batch norm that sees fewer than 16 images at once."
    why = (
        "Mean and variance of so few images are noise, and differ from those that evaluation uses. Of a single "
        "image there is no variance over the batch at all."
    )
    do = "Raise `micro_batch` (or `batch_size`) to 16 or more, or write `norm: none` with `activation: elu`."
    abstains = "From 16 images on. From 2 to 15 it is a warning."
    papers = ("arXiv:1803.08494",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 128, micro_batch: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.0005}}
        training: {batch_size: 1}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 128, micro_batch: 8}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if all(node.kind != "batch" for node in subject.norms):
            return
        for path, batch, micro in batches(subject.spec):
            seen = micro or batch
            if seen >= ENOUGH:
                continue
            key = "micro_batch" if micro else "batch_size"
            images = "a single image" if seen == 1 else f"{seen} images"
            message = (
                f"batch norm sees {images} at once, whose statistics are noise; raise {key} to {ENOUGH}, or use "
                "another norm"
            )
            yield subject.finding(self, message, (*path, key), None if seen == 1 else "warning")
