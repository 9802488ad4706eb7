"""CNN101 unknown-image-size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnknownImageSize(Rule):
    code = "CNN101"
    name = "unknown-image-size"
    severity = "error"
    what = "Images of any size, and no `data.image_size`."
    why = "Images from this source have no size of their own, so the network's shapes cannot be told."
    do = "Write `data.image_size`, in pixels."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        data: {source: {folder: {path: photos}}, image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {folder: {path: photos}}}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        data = subject.spec.data
        if data.image_size is None and data.source.facts().image_size is None:
            message = f"images from {data.source.key} have no size of their own; write data.image_size, in pixels"
            yield subject.finding(self, message, ("data", "image_size"))
