"""CNN244 layers-beyond-image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.graph import INPUT
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SMALL = 32  # px, the smallest side it was shown at


class LayersBeyondImage(Rule):
    code = "CNN244"
    name = "layers-beyond-image"
    severity = "info"
    structural = True
    what = "Two or more convolutions in a row whose inputs see the whole image already."
    why = (
        "In plain networks the layers behind the point where each position sees the whole image added nothing: "
        "arXiv:2106.12307 found their features no easier to tell apart, with VGG on CIFAR-10 and others."
    )
    do = "Leave those layers out, or some of the strides before them."
    abstains = (
        "Below 32 px; with shortcuts or branches, whose shortest path counts; where fewer than two such layers follow."
    )
    papers = ("arXiv:2106.12307",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
            - repeat: {times: 4, layers: [conv: {channels: 16, stride: 2}]}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16}
            - repeat: {times: 4, layers: [conv: {channels: 16, stride: 2}]}
            - conv: {channels: 16, repeat: 4}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.side < SMALL or not subject.plain:
            return
        wasted = []
        for node in subject.convolutions:
            source = node.inputs[0]
            sees = subject.nodes[source].field.size if source != INPUT else (1, 1)
            wide = isinstance(op := node.operation, Convolution2d) and max(op.kernel) > 1 and max(node.output[1:]) > 1
            if wide and min(sees) >= subject.side:
                wasted.append(node)
        if len(wasted) > 1:
            message = (
                f"{len(wasted)} convolutions read maps whose positions see all {subject.side} px already: in plain "
                "networks "
                "such layers added nothing; leave them out, or a stride before"
            )
            yield subject.finding(self, message, wasted[0].path)
