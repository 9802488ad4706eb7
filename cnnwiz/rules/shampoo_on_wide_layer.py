"""CNN331 shampoo-on-wide-layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

LONGEST = 8192  # two matrices of 256 MiB for one axis


class ShampooOnWideLayer(Rule):
    code = "CNN331"
    name = "shampoo-on-wide-layer"
    severity = "error"
    what = "Shampoo on a weight with an axis longer than 8192."
    why = (
        "For each axis of a weight it keeps two matrices of that length squared and takes singular values of one: "
        "fc6 of AlexNet and VGG has 9,216 or 25,088 inputs, 0.7 or 5 GB and minutes per step."
    )
    do = "End in `head: average`, put pooling in front, or take `soap`, which leaves axes above `max_side` alone."
    abstains = "With other optimizers."
    papers = ("arXiv:1802.09568",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: shampoo
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 256}
          head: flatten
        optimizer: shampoo
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.optimizer.key != "shampoo":
            return
        for node in subject.nodes:
            longest = max((side for parameter in node.parameters.values() for side in parameter.shape), default=0)
            if longest > LONGEST:
                size = 2 * 4 * longest**2 / 1e9
                message = (
                    f"Shampoo needs {size:.1f} GB for an axis of {longest:,} ({node.name}); pool in front of it, or "
                    "take soap"
                )
                yield subject.finding(self, message, node.path)
