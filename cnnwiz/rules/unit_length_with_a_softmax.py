"""CNN323 unit-length-with-a-softmax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.head import EmbeddingHead
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnitLengthWithASoftmax(Rule):
    code = "CNN323"
    name = "unit-length-with-a-softmax"
    severity = "error"
    what = "Angular softmax on embeddings of length 1."
    why = (
        "Its scores are |x| cos t. With |x| = 1 they stay between -1 and 1, so the loss of K classes cannot fall below "
        "log(1 + (K - 1) / e^2), 0.80 for 10 classes, and training never becomes sure of anything."
    )
    do = "Leave `normalize` out; likeness is measured by the angle anyway."
    abstains = "With other losses."
    papers = ("arXiv:1704.08063",)
    good = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: {a_softmax: {gamma: 2}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: {embedding: {normalize: true}}
        loss: {a_softmax: {gamma: 2}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        head = subject.spec.model.head
        if subject.spec.loss.key == "a_softmax" and isinstance(head, EmbeddingHead) and head.normalize:
            message = "a_softmax takes its scale from the length of embeddings, which normalize makes 1; leave it out"
            yield subject.finding(self, message, ("model", "head", "embedding", "normalize"), write="false")
