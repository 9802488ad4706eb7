"""CNN337 batch-hard-from-start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.loss import Triplet
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class BatchHardFromStart(Rule):
    code = "CNN337"
    name = "batch-hard-from-start"
    severity = "info"
    what = "Batch-hard mining from the first step."
    why = (
        "Before embeddings mean anything the hardest negatives are the worst to learn from: FaceNet reports "
        "collapse into one point and took semi-hard ones. arXiv:1703.07737 trained well with batch-hard mining "
        "and large batches."
    )
    do = "Write `mining: semi_hard`, or begin from a trained network."
    abstains = "With `model.from`, and with other losses."
    papers = (
        "arXiv:1503.03832",
        "arXiv:1703.07737",
    )
    good = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: triplet
        training: {sampler: {pk: {classes: 8, images: 8}}, batch_size: 64}
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
        loss: {triplet: {mining: batch_hard}}
        training: {sampler: {pk: {classes: 8, images: 8}}, batch_size: 64}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        loss = subject.spec.loss
        if isinstance(loss, Triplet) and loss.mining == "batch_hard" and not subject.spec.model.origin:
            message = "the hardest negatives can draw all embeddings into one point at first; write semi_hard"
            yield subject.finding(self, message, ("loss", "triplet", "mining"), write="semi_hard")
