"""CNN231 open-preactivation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.normalization import Normalization
from cnnwiz.catalog.primitive import Add
from cnnwiz.graph import INPUT
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class OpenPreactivation(Rule):
    code = "CNN231"
    name = "open-preactivation"
    severity = "error"
    what = "A pre-activation network whose last sum goes to the head as it is."
    why = (
        "In the order norm-act-conv every block hands on a plain sum, which the next block normalizes and activates. "
        "Behind the last block nothing does: the head sees sums of all blocks, without norm and activation."
    )
    do = "End the layers with `- norm` and `- activation`, as published."
    abstains = "In other orders; with norm: none; where the last block ends in no sum."
    papers = ("arXiv:1603.05027",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {order: norm-act-conv}
          layers:
            - conv: {channels: 16, norm: none, activation: none}
            - basic: {channels: 16}
            - norm
            - activation
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {order: norm-act-conv}
          layers:
            - conv: {channels: 16, norm: none, activation: none}
            - basic: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.graph is None or subject.spec.model.defaults.order != "norm-act-conv" or not subject.norms:
            return
        index = subject.graph.trunk
        while index != INPUT and len(subject.nodes[index].inputs) == 1:  # back to the last sum
            if isinstance(subject.nodes[index].operation, (Normalization, Activation)):
                return
            index = subject.nodes[index].inputs[0]
        if index != INPUT and isinstance(subject.nodes[index].operation, Add):
            message = "the last sum reaches the head as it is; end the layers with - norm and - activation"
            yield subject.finding(self, message, subject.nodes[index].path)
