"""CNN322 micro-batch-with-triplet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class MicroBatchWithTriplet(Rule):
    code = "CNN322"
    name = "micro-batch-with-triplet"
    severity = "error"
    what = "A batch for the triplet loss, cut into micro-batches."
    why = (
        "Triplets are made within what is in memory at once, so micro-batches do not add up to the batch: the hard "
        "negatives of other pieces are never met."
    )
    do = "Leave `micro_batch` out and lower `batch_size` with the sampler's `classes`."
    abstains = "With other losses, and where the micro-batch is the whole batch."
    papers = ("arXiv:1503.03832",)
    good = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: triplet
        training: {batch_size: 32, sampler: {pk: {classes: 8, images: 4}}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: triplet
        training: {batch_size: 128, micro_batch: 64, sampler: pk}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        training = subject.spec.training
        if subject.spec.loss.key == "triplet" and (training.micro_batch or training.batch_size) < training.batch_size:
            message = (
                f"triplets are made within micro-batches of {training.micro_batch}, not within the batch of "
                f"{training.batch_size}; leave micro_batch out and lower batch_size"
            )
            yield subject.finding(self, message, ("training", "micro_batch"))
