"""CNN103 wrong-class-count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class WrongClassCount(Rule):
    code = "CNN103"
    name = "wrong-class-count"
    severity = "error"
    what = "`data.classes` contradicts the data."
    why = "The head would have outputs without a class, or classes without an output; training refuses to start."
    do = "Leave `data.classes` out; it is for data that is not here to count."
    abstains = "Where the data is not here to count its classes, and with `split: classes`, which trains fewer of them."
    good = (
        """\
        cnnwiz: 1
        data: {source: digits}
        model:
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        data: {source: digits, classes: 10}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: digits, classes: 12}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        data = subject.spec.data
        found = data.source.facts().classes
        if data.split == "images" and data.classes is not None and found not in (None, data.classes):
            message = f"data.classes is {data.classes}, but {data.source.key} has {found} classes; leave it out"
            yield subject.finding(self, message, ("data", "classes"))
