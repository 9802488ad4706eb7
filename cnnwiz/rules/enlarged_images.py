"""CNN110 enlarged-images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.source import Digits
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FACTOR = 2


class EnlargedImages(Rule):
    code = "CNN110"
    name = "enlarged-images"
    severity = "info"
    what = "Images enlarged to twice their size or more."
    why = "Enlarging adds no information, and the cost grows with the square of the side."
    do = "Leave `data.image_size` out, and take a stem without stride."
    abstains = (
        "For sources whose images have no size of their own; where `model.from` names a network made for that "
        "size; for digits, whose 8 px are there to try things out."
    )
    good = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}, image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        source = subject.spec.data.source
        own, asked = source.facts().image_size, subject.spec.data.image_size
        if isinstance(source, Digits) or subject.spec.model.origin:
            return
        if own and asked and asked >= FACTOR * own:
            message = (
                f"images of {own} px are enlarged to {asked}: {(asked / own) ** 2:.0f} times the cost and no "
                "information "
                "more; leave image_size out"
            )
            yield subject.finding(self, message, ("data", "image_size"))
