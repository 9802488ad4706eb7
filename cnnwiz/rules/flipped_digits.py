"""CNN403 flipped-digits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.augmentation import Flip
from cnnwiz.catalog.source import Digits, Mnist
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class FlippedDigits(Rule):
    code = "CNN403"
    name = "flipped-digits"
    severity = "warning"
    what = "Mirrored handwritten digits."
    why = "A mirrored digit is another sign or none: a 2 becomes an S, and upside down a 6 a 9."
    do = "Remove the flip; shift instead, with `random_crop`."
    abstains = "For other sources, whose images cnnwiz does not know."
    good = (
        """\
        cnnwiz: 1
        data: {source: digits}
        augment: [random_crop: {padding: 1}]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: digits}
        augment: [horizontal_flip]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if not isinstance(subject.spec.data.source, (Digits, Mnist)):
            return
        for index, step in enumerate(subject.spec.augment):
            if isinstance(step, Flip) and step.probability > 0:
                message = f"{step.key} makes other signs of digits; remove it"
                yield subject.finding(self, message, ("augment", index, step.key))
