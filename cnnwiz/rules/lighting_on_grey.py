"""CNN409 lighting-on-grey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.distortion import PcaLighting
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LightingOnGrey(Rule):
    code = "CNN409"
    name = "lighting-on-grey"
    severity = "error"
    what = "pca_lighting for images with one channel."
    why = "It adds a colour along the principal components of red, green and blue. Grey images have none."
    do = "Write `color_jitter`, whose brightness and contrast work on grey images."
    abstains = "Where the number of channels cannot be told."
    papers = ("Krizhevsky, Sutskever, Hinton: NIPS 2012",)
    good = (
        """\
        cnnwiz: 1
        data: {channels: 3}
        augment: [pca_lighting]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {channels: 1}
        augment: [pca_lighting]
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        grey = subject.graph is not None and subject.graph.input[0] == 1
        for index, step in enumerate(subject.spec.augment):
            if isinstance(step, PcaLighting) and grey:
                message = "pca_lighting needs red, green and blue, but images have one channel; write color_jitter"
                yield subject.finding(self, message, ("augment", index, step.key))
