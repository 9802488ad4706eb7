"""CNN111 imbalanced-classes."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.samples import FOLDER, pictures

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FACTOR = 10


class ImbalancedClasses(Rule):
    code = "CNN111"
    name = "imbalanced-classes"
    severity = "warning"
    what = "The largest class has ten times as many training images as the smallest, or more."
    why = (
        "A network learns the large classes first and can be mostly right without the small ones; accuracy hides "
        "that. Of the remedies compared in arXiv:1710.05381, showing small classes more often helped most."
    )
    do = "Collect images of the small classes; read the recall of each class in `cnnwiz eval`, not the accuracy alone."
    abstains = (
        "For folders that are not here or hold more than 10,000 images, and for `task: embed`. A factor of ten is a "
        "guess on the careful side, no measured limit."
    )
    papers = ("arXiv:1710.05381",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (FOLDER,)
    files = MappingProxyType(pictures({"cats": 120, "dogs": 10}))

    def check(self, subject: Subject) -> Iterator[Finding]:
        listing = subject.listing
        if listing is None or subject.spec.task == "embed":
            return
        counts = {name: len(files) for name, files in listing.train.items()}
        small, large = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        if counts[large] >= FACTOR * counts[small]:
            message = (
                f"class {large!r} has {counts[large]:,} images and {small!r} {counts[small]:,}: accuracy says little "
                "about the "
                "small classes; collect more of them"
            )
            yield subject.finding(self, message, ("data", "source", "folder", "path"))
