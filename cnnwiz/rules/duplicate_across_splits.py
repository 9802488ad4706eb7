"""CNN113 duplicate-across-splits."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.samples import FOLDER, pictures

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class DuplicateAcrossSplits(Rule):
    code = "CNN113"
    name = "duplicate-across-splits"
    severity = "error"
    what = "The same file among the training images and among those of validation or test."
    why = (
        "What is measured on an image that was trained on is memory, not skill. Of CIFAR-100's test images a "
        "tenth are near-copies of training images (arXiv:1902.00423)."
    )
    do = "Remove the copies from the training folder."
    abstains = (
        "For folders that are not here, hold more than 10,000 images, or more than 64 MB of files that agree in "
        "size. Only equal files count: an image saved anew is not recognized."
    )
    papers = ("arXiv:1902.00423",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (FOLDER,)
    files = MappingProxyType(
        pictures({"train/cats": 60, "train/dogs": 60, "test/cats": 1, "test/dogs": 1})
        | {"photos/test/cats/copy.png": pictures({"train/cats": 1})["photos/train/cats/0.png"]}
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.listing is None:
            return
        found = subject.listing.duplicates()
        if found:
            copies = f"{found[0][0]} and {found[0][1]}"
            more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            message = f"the same image is trained on and measured on: {copies}{more}; remove one of each pair"
            yield subject.finding(self, message, ("data", "source", "folder", "path"))
