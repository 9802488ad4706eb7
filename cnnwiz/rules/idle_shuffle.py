"""CNN233 idle-shuffle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.rearrange import Shuffle2d
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class IdleShuffle(Rule):
    code = "CNN233"
    name = "idle-shuffle"
    severity = "warning"
    structural = True
    what = "A channel shuffle that moves nothing."
    why = "With 1 group, or with as many as channels, the order of channels stays what it was."
    do = "Write the number of groups of the grouped convolution in front, or remove the shuffle."
    abstains = "Never."
    papers = ("arXiv:1707.01083",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - shuffle: {groups: 2}
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - shuffle: {groups: 16}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        for node in subject.nodes:
            if isinstance(op := node.operation, Shuffle2d) and op.groups in (1, node.output[0]):
                message = f"a shuffle of {node.output[0]} channels in {op.groups} groups moves nothing"
                yield subject.finding(self, message, node.path)
