"""CNN311 triplet-on-shuffled-batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class TripletOnShuffledBatches(Rule):
    code = "CNN311"
    name = "triplet-on-shuffled-batches"
    severity = "error"
    what = "Triplet loss on shuffled batches."
    why = (
        "A triplet needs two images of one class in the batch. Shuffled batches of many classes hold hardly any "
        "such pair, the loss is 0 for most images, and nothing trains."
    )
    do = "Write `sampler: {pk: {classes: 32, images: 4}}`, with batch_size 128."
    abstains = "With other losses."
    papers = ("arXiv:1503.03832", "arXiv:1703.07737")
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
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.loss.key == "triplet" and subject.spec.training.sampler.key == "shuffle":
            message = (
                "triplet loss needs several images of a class in each batch, which shuffled batches lack; write "
                "sampler: pk"
            )
            yield subject.finding(self, message, ("training", "sampler"))
