"""CNN106 classes-apart-for-classifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ClassesApartForClassifier(Rule):
    code = "CNN106"
    name = "classes-apart-for-classifier"
    severity = "error"
    what = "A split by classes for a network that names classes."
    why = "It would be judged on classes that it has never seen and has no score for."
    do = "Leave `data.split` out, or train embeddings with `task: embed`."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        task: embed
        data: {split: classes}
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {split: classes}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.data.split == "classes" and subject.spec.task == "classify":
            message = "split: classes judges by classes that training lacks, which a classifier cannot name"
            yield subject.finding(self, f"{message}; leave it out, or write task: embed", ("data", "split"))
