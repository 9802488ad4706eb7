"""CNN104 imagenet-statistics-on-grey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ImagenetStatisticsOnGrey(Rule):
    code = "CNN104"
    name = "imagenet-statistics-on-grey"
    severity = "error"
    what = "`normalize: imagenet` for images with one channel."
    why = "ImageNet's mean and deviation are those of three channels; training refuses to start."
    do = "Write `normalize: dataset`, or `channels: 3`."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        data: {source: digits, channels: 3, normalize: imagenet}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: digits, normalize: imagenet}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        data = subject.spec.data
        if data.normalize == "imagenet" and (data.channels or data.source.facts().channels) == 1:
            message = "ImageNet's mean and deviation have three channels, these images one; write normalize: dataset"
            yield subject.finding(self, message, ("data", "normalize"), write="dataset")
