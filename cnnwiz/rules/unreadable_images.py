"""CNN114 unreadable-images."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.samples import FOLDER, pictures

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnreadableImages(Rule):
    code = "CNN114"
    name = "unreadable-images"
    severity = "error"
    what = "Files with the name of an image that hold none."
    why = "Training stops at them: an empty file, or a web page saved as photo.jpg, has no pixels."
    do = "Remove them or fetch them again."
    abstains = (
        "For folders that are not here or hold more than 10,000 images. At most 2,000 files are opened, evenly "
        "spread, and only their first bytes are read: an image that ends too early is found by training."
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
    files = MappingProxyType(pictures({"cats": 60, "dogs": 60}) | {"photos/cats/new.jpg": b"<!DOCTYPE html>"})

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.listing is None:
            return
        found = subject.listing.unreadable()
        if found:
            more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            message = f"no image, whatever its name says: {found[0]}{more}; remove such files"
            yield subject.finding(self, message, ("data", "source", "folder", "path"))
