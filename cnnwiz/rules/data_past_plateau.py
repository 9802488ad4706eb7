"""CNN118 data-past-plateau."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

PLATEAU = 0.5  # points per doubling, below which a difference is a tie


class DataPastPlateau(Rule):
    code = "CNN118"
    name = "data-past-plateau"
    severity = "info"
    what = "More images have stopped to help, or too little is known to tell."
    why = (
        "A larger training set is worth its price while accuracy rises with its size. On CaffeNet it rose by 8.8,"
        " 4.5 and 4.6 points per doubling up to 1.2 million images, with a dip to 3.1 between: one interval can "
        "fake a plateau, two hardly."
    )
    do = (
        "Before buying more images train on parts of those you have and write the results to "
        "`data.audit.learning_curve`."
    )
    abstains = (
        "Without `data.audit.learning_curve`, and where one of the last two intervals gained half a point per "
        "doubling or more."
    )
    evidence = (
        "data_200k",
        "data_400k",
        "data_600k",
        "data_800k",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {audit: {learning_curve: [[400, 0.80], [800, 0.84], [1600, 0.87]]}}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {audit: {learning_curve: [[400, 0.910], [800, 0.912], [1600, 0.915]]}}
        model:
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        data: {audit: {learning_curve: [[400, 0.80], [800, 0.84]]}}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        audit = subject.spec.data.audit
        curve = sorted(audit.learning_curve) if audit and audit.learning_curve else []
        gains = [
            100 * (after - before) / math.log2(larger / size)
            for (size, before), (larger, after) in pairwise(curve)
            if larger > size
        ]
        path = ("data", "audit", "learning_curve")
        if curve and len(gains) < 2:
            message = "fewer than three sizes cannot tell a plateau from a dip; measure one more"
            yield subject.finding(self, message, path)
        elif gains and max(gains[-2:]) < PLATEAU:
            message = (
                f"the last two steps gained {gains[-2]:.1f} and {gains[-1]:.1f} points per doubling: more images "
                "will hardly "
                "help; look at labels, network and image size"
            )
            yield subject.finding(self, message, path)
