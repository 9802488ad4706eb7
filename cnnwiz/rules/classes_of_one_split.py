"""CNN115 classes-of-one-split."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.samples import FOLDER, pictures

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ClassesOfOneSplit(Rule):
    code = "CNN115"
    name = "classes-of-one-split"
    severity = "error"
    what = "A class folder in validation or test that training lacks, or the other way round."
    why = (
        "A classifier has no score for a class it was not trained on, and nothing measures a class that has no "
        "images there."
    )
    do = "Name the folders alike in all splits."
    abstains = (
        "For folders that are not here or hold more than 10,000 images, for `task: embed`, and where `classes` "
        "names those to use. A class that only training has is a warning."
    )
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (FOLDER,)
    files = MappingProxyType(pictures({"train/cats": 60, "train/dogs": 60, "test/cats": 9, "test/birds": 9}))

    def check(self, subject: Subject) -> Iterator[Finding]:
        listing = subject.listing
        if listing is None or subject.spec.task == "embed" or not listing.splits:
            return
        for split, classes in listing.splits.items():
            unknown, absent = (
                sorted(classes.keys() - listing.train.keys()),
                sorted(listing.train.keys() - classes.keys()),
            )
            path = ("data", "source", "folder", split)
            if unknown:
                message = (
                    f"{_named(unknown)} in {split}, but not in training: no score stands for it; name the folders alike"
                )
                yield subject.finding(self, message, path)
            if absent:
                message = (
                    f"{_named(absent)} in training, but not in {split}: nothing measures it; name the folders alike"
                )
                yield subject.finding(self, message, path, "warning")


def _named(classes: list[str]) -> str:
    """class 'a'; classes 'a', 'b' and 3 more"""
    shown = ", ".join(map(repr, classes[:2]))
    more = f" and {len(classes) - 2} more" if len(classes) > 2 else ""
    return f"class{'es' if len(classes) > 1 else ''} {shown}{more}"
