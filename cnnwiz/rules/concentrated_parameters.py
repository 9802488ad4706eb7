"""CNN246 concentrated-parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

MANY = 1_000_000
SHARE = 0.5


class ConcentratedParameters(Rule):
    code = "CNN246"
    name = "concentrated-parameters"
    severity = "info"
    structural = True
    what = "One linear layer on a flattened map holds more than half of a million parameters or more."
    why = (
        "It is most of what must be stored, sent and decayed, yet it does little of the computing: in AlexNet 62 "
        "% of the parameters and 5 % of the multiply-adds. It also fixes the size of the image."
    )
    do = "Write an `average` or `conv` head, or pool before it."
    abstains = "Below a million parameters, and for layers that do not read a flattened map."
    papers = ("arXiv:1312.4400",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          layers:
            - conv: {channels: 64, stride: 2}
            - conv: {channels: 64}
          head: average
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 64}
            - conv: {channels: 64}
          head: {embedding: {features: 512, flatten: true}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        total = sum(node.parameter_count for node in subject.nodes)
        for node in subject.nodes:
            source = node.inputs[0]
            while source >= 0 and subject.nodes[source].kind == "dropout":
                source = subject.nodes[source].inputs[0]
            flat = source >= 0 and subject.nodes[source].kind == "flatten"
            if node.kind == "linear" and flat and total >= MANY and node.parameter_count > SHARE * total:
                message = (
                    f"this linear layer holds {node.parameter_count:,} of {total:,} parameters "
                    f"({node.parameter_count / total:.0%}); an average or conv head needs far fewer"
                )
                yield subject.finding(self, message, node.path)
