"""CNN503 lopsided-validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

HALF = 0.5


class LopsidedValidation(Rule):
    code = "CNN503"
    name = "lopsided-validation"
    severity = "warning"
    what = "More images are set aside for validation than are trained on."
    why = (
        "Images that are not trained on cost accuracy: CaffeNet lost 4.6 points with half of its training images."
        " A validation set only has to be large enough to tell epochs apart."
    )
    do = "Write a fraction of 0.1 to 0.2."
    abstains = "At fractions of up to one half."
    evidence = ("data_600k",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        data: {validation: {fraction: 0.2}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        data: {validation: {fraction: 0.8}}
        training: {batch_size: 32}
        optimizer: {sgd: {lr: 0.02}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        fraction = subject.spec.data.validation.fraction
        if fraction > HALF:
            message = (
                f"{fraction:.0%} of the training images are set aside: CaffeNet lost 4.6 points with half of them; "
                "write 0.1"
            )
            yield subject.finding(self, message, ("data", "validation", "fraction"), write="0.1")
