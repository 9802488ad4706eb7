"""CNN408 stacked-policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.distortion import RandAugment, TrivialAugment
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class StackedPolicies(Rule):
    code = "CNN408"
    name = "stacked-policies"
    severity = "error"
    what = "Two of rand_augment and trivial_augment in one list."
    why = "Each is a whole policy, tuned to be as strong as images bear. One on top of the other distorts too much."
    do = "Keep one: trivial_augment where nothing is to be tuned."
    abstains = "Never."
    papers = ("arXiv:1909.13719", "arXiv:2103.10158")
    good = (
        """\
        cnnwiz: 1
        augment: [trivial_augment]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        augment: [trivial_augment, rand_augment]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        found = [
            (index, step)
            for index, step in enumerate(subject.spec.augment)
            if isinstance(step, (RandAugment, TrivialAugment))
        ]
        for index, step in found[1:]:
            message = f"{step.key} is a second policy behind {found[0][1].key}, which distorts too much; keep one"
            yield subject.finding(self, message, ("augment", index, step.key))
