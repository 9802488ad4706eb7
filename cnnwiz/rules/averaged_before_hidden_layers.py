"""CNN239 averaged-before-hidden-layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.graph import Node
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class AveragedBeforeHiddenLayers(Rule):
    code = "CNN239"
    name = "averaged-before-hidden-layers"
    severity = "info"
    structural = True
    what = "The last map is averaged, and hidden linear layers follow."
    why = (
        "Averaging right behind the first of CaffeNet's three last layers lost 0.7 points; averaging the scores "
        "of all positions at the very end gained 2.3, and in front of the last layer 2.0."
    )
    do = "Write a `conv` head with these hidden layers: it averages scores."
    abstains = "With any norm, shortcuts or branches, below 64 px, and for a map that is 1x1 anyway."
    evidence = (
        "clf_elu_fc6ave",
        "clf_elu_fc8ave",
        "clf_elu_avefc8",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
          head: {conv: {hidden: [64], dropout: 0.3}}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16, stride: 2}
            - adaptive_pool: {size: 1}
          head: {flatten: {hidden: [64], dropout: 0.3}}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.normalized or not subject.plain or subject.side < MEASURED_SIDE:
            return
        average = next((node for node in subject.nodes if _averages(node)), None)
        if average is None:
            return
        behind = subject.nodes[subject.nodes.index(average) :]
        if sum(node.kind == "linear" for node in behind) > 1:
            height, width = average.input_shapes[0][1:]
            message = (
                f"a {height}x{width} map is averaged before the hidden layers: CaffeNet lost 0.7 points so, and "
                "gained 2.3 by "
                "averaging scores (ELU, no norm); write a conv head"
            )
            yield subject.finding(self, message, average.path)


def _averages(node: Node) -> bool:
    """Whether the mean of a larger map is taken."""
    last = node.kind in ("adaptive", "global_average") and max(node.output[1:], default=1) == 1
    return last and max(node.input_shapes[0][1:]) > 1
