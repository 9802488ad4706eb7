"""CNN312 uneven-pk-batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.sampler import PK
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnevenPkBatch(Rule):
    code = "CNN312"
    name = "uneven-pk-batch"
    severity = "error"
    what = "A batch that is not P classes times K images."
    why = "Sampler pk fills a batch with `classes` times `images`; another batch_size cannot be obeyed."
    do = "Make `batch_size` the product of the two."
    abstains = "With other samplers."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 32, sampler: {pk: {classes: 8, images: 4}}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 64, sampler: {pk: {classes: 8, images: 4}}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        training, sampler = subject.spec.training, subject.spec.training.sampler
        if isinstance(sampler, PK) and sampler.classes * sampler.images != training.batch_size:
            product = sampler.classes * sampler.images
            message = (
                f"sampler pk makes batches of {sampler.classes} classes with {sampler.images} images, {product} in "
                f"all, not {training.batch_size}; write batch_size {product}"
            )
            yield subject.finding(self, message, ("training", "batch_size"), write=str(product))
