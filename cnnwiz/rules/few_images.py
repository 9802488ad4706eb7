"""CNN112 few-images."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.samples import FOLDER, pictures

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FEW = 50  # images a class


class FewImages(Rule):
    code = "CNN112"
    name = "few-images"
    severity = "warning"
    what = "Fewer than 50 training images a class."
    why = (
        "On ImageNet every doubling of the training set gained 4.5 to 8.8 points on CaffeNet, most where images "
        "were fewest (from 200 to 400 a class)."
    )
    do = "Collect more, begin with a trained network (`model.from`), or augment more strongly."
    abstains = (
        "With `model.from`, for `task: embed`, and where images cannot be counted: other sources than folders, "
        "folders that are not here or hold more than 10,000 images. Below 200 a class nothing was measured; 50 is"
        " a guess on the careful side."
    )
    evidence = (
        "data_200k",
        "data_400k",
        "data_600k",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (FOLDER,)
    files = MappingProxyType(pictures({"cats": 30, "dogs": 30}))

    def check(self, subject: Subject) -> Iterator[Finding]:
        listing = subject.listing
        if listing is None or subject.spec.task == "embed" or subject.spec.model.origin:
            return
        count, classes = sum(map(len, listing.train.values())), len(listing.train)
        if count < FEW * classes:
            message = (
                f"{count:,} training images of {classes} classes, {count / classes:.0f} each: on ImageNet each "
                "doubling gained "
                "4.5 to 8.8 points (CaffeNet); collect more, or begin with model.from"
            )
            yield subject.finding(self, message, ("data", "source", "folder", "path"))
