"""CNN413 dropout-on-maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class DropoutOnMaps(Rule):
    code = "CNN413"
    name = "dropout-on-maps"
    severity = "warning"
    structural = True
    what = "Dropout of single values within the convolutions of a plain network."
    why = (
        "Neighbours on a map tell the same, so that dropping single values hides little and adds noise: rates of "
        "0.1 and 0.2 in its convolutions lost CaffeNet 4.5 points (it saw half the images as well)."
    )
    do = "Write `spatial_dropout`, which drops whole channels, or leave it to the head."
    abstains = (
        "With any norm; with shortcuts or branches, where wide residual networks gain by it; in the head; with "
        "Gaussian or spatial dropout."
    )
    evidence = ("misc_conv_dropout",)
    papers = (
        "arXiv:1411.4280",
        "arXiv:1810.12890",
    )
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
            - conv: {channels: 16}
          head: {average: {dropout: 0.2}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
            - dropout: {rate: 0.2}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if not subject.plain or subject.normalized:
            return
        wide = [n for n in subject.convolutions if isinstance(op := n.operation, Convolution2d) and max(op.kernel) > 1]
        last = subject.nodes.index(wide[-1]) if wide else 0
        for node in subject.nodes[:last]:
            if node.kind == "dropout" and len(node.output) == 3:
                message = (
                    "dropout of single values on a map: CaffeNet lost 4.5 points so (128 px, half the images); write "
                    "spatial_dropout"
                )
                yield subject.finding(self, message, node.path)
