"""CNN209 coarse-stem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.graph import Node
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FINE = 28  # positions across the first map: less was worse
SMALL = 4  # factor by which a stem may not reduce a small image
COARSE = 22  # at which CaffeNet lost 5.7 points


class CoarseStem(Rule):
    code = "CNN209"
    name = "coarse-stem"
    severity = "error"
    structural = True
    what = (
        "The first convolution leaves too little of a large image, or the stem of a small image throws most of it away."
    )
    why = (
        "CaffeNet's stride 4 leaves 30x30 of 128 px. With 22x22 left of 96 px it lost 5.7 points, with 14x14 of 64 "
        "px 16.2; a smaller stride won 4.5 and 13.6 of them back. 27x27 of 224 px lost 1.8."
    )
    do = (
        "Take a stride of about a thirty-second of the input (2 for 64 px, 4 for 128), and a kernel two to three "
        "times the stride. Below 64 px take stride 1 and no pooling before the second convolution."
    )
    abstains = (
        "Where 28 or more positions are left. Below 64 px nothing of this kind was measured: there a stem that "
        "reduces by 4 or more is a warning, by analogy."
    )
    evidence = ("size_64", "size_96", "conv1_64_k5s2", "conv1_96_k7s3", "conv1_224_k11s8")
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16, kernel: 5, stride: 2}
            - conv: {channels: 32}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - conv: {channels: 32}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 16, kernel: 11, stride: 4}
            - conv: {channels: 32}
        """,
        """\
        cnnwiz: 1
        data: {image_size: 224}
        model:
          layers:
            - conv: {channels: 16, kernel: 11, stride: 8, padding: valid}
            - conv: {channels: 32}
        """,
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 64, kernel: 7, stride: 2}
            - pool: {kernel: 3, stride: 2}
            - conv: {channels: 64}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        wide = [n for n in subject.convolutions if isinstance(op := n.operation, Convolution2d) and max(op.kernel) > 1]
        if not wide:
            return
        stem, left = wide[0], min(wide[0].output[1:])
        if subject.side < MEASURED_SIDE:
            yield from self._small(subject, stem, wide[1] if len(wide) > 1 else None)
        elif left < FINE and max(stem.field.jump) > 1:
            message = (
                f"the first convolution leaves {left}x{left} of {subject.side}x{subject.side} px: CaffeNet lost 1.8 "
                f"points at 27x27, 5.7 at 22x22, 16.2 at 14x14; try stride {max(1, round(subject.side / 32))}"
            )
            yield subject.finding(self, message, (*stem.path, "stride"), None if left <= COARSE else "warning")

    def _small(self, subject: Subject, stem: Node, second: Node | None) -> Iterator[Finding]:
        """Images below 64 px: the stem is all before the second convolution with a window."""
        until = subject.nodes.index(second) if second else len(subject.nodes)
        before = [node for node in subject.nodes[:until] if len(node.output) == 3]
        if max(max(node.field.jump) for node in before) < SMALL:
            return
        left = min(min(node.output[1:]) for node in before)
        message = (
            f"the stem leaves {left}x{left} of {subject.side}x{subject.side} px before the second convolution; take "
            "stride 1 and pool later (measured on larger images: at 64 px stride 4 instead of 2 lost 13.6 points)"
        )
        yield subject.finding(self, message, stem.path, "warning")
