"""CNN504 folder-of-two-splits."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from cnnwiz.catalog.source import Folder
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class FolderOfTwoSplits(Rule):
    code = "CNN504"
    name = "folder-of-two-splits"
    severity = "error"
    what = "One folder named for two splits."
    why = (
        "What is measured on images that were trained on is memory, not skill; and a best epoch chosen on test "
        "images makes their accuracy too good."
    )
    do = "Name different folders, or leave the split out: images are then set aside."
    abstains = "For folders that are not named. A folder inside another one counts as the same."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        data:
          source: {folder: {path: photos, train: a, test: b, classes: [cat, dog]}}
          image_size: 64
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        data:
          source: {folder: {path: photos, train: a, test: a, classes: [cat, dog]}}
          image_size: 64
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        source = subject.spec.data.source
        if not isinstance(source, Folder):
            return
        named = {split: getattr(source, split) for split in ("train", "validation", "test")}
        folders = {split: posixpath.normpath(name.replace("\\", "/")) for split, name in named.items() if name}
        for (first, one), (second, other) in combinations(folders.items(), 2):
            if one == other or other.startswith(f"{one}/") or one.startswith(f"{other}/") or "." in (one, other):
                message = f"{named[second]!r} is also read for {first}; name different folders"
                yield subject.finding(self, message, ("data", "source", "folder", second))
