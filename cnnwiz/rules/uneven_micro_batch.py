"""CNN308 uneven-micro-batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.operation import divisors
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import batches

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnevenMicroBatch(Rule):
    code = "CNN308"
    name = "uneven-micro-batch"
    severity = "error"
    what = "A micro-batch that does not divide the batch, or is larger than it."
    why = (
        "The last part of each batch would hold fewer images than the others, and batch norm see another number of "
        "them; what is larger than the batch cannot be obeyed at all."
    )
    do = "Take a divisor of `batch_size`."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 128, micro_batch: 32}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 128, micro_batch: 48}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 128, micro_batch: 256}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for path, batch, micro in batches(subject.spec):
            if micro is not None and batch % micro:
                message = (
                    f"micro_batch {micro} does not divide batch_size {batch}; nearest that do: {divisors(batch, micro)}"
                )
                yield subject.finding(self, message, (*path, "micro_batch"))
