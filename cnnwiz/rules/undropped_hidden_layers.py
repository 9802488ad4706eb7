"""CNN416 undropped-hidden-layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.primitive import Drop
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

LITTLE = 0.1  # the smaller of the measured rates
WIDEST = 2048  # features of the measured hidden layers


class UndroppedHiddenLayers(Rule):
    code = "CNN416"
    name = "undropped-hidden-layers"
    severity = "warning"
    structural = True
    what = "Hidden linear layers with dropout of 0.1 or less, in a plain network without norm."
    why = (
        "At 0.3 CaffeNet gained 2.6 points, at 0.1 only 0.2, and its loss rose from 2.36 to 2.45: it was surer "
        "than it was right."
    )
    do = "Write `dropout: 0.3`."
    abstains = "With any norm, shortcuts or branches, below 64 px, and for hidden layers of more than 2,048 features."
    evidence = (
        "reg_drop01",
        "reg_drop03",
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
            - conv: {channels: 16, kernel: 32, padding: valid}
          head: {flatten: {hidden: [64], dropout: 0.3}}
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
            - conv: {channels: 16, kernel: 32, padding: valid}
          head: {flatten: {hidden: [64]}}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        linear = [node for node in subject.nodes if node.kind == "linear"]
        if subject.side < MEASURED_SIDE or subject.normalized or not subject.plain or len(linear) < 2:
            return
        if max(node.output[0] for node in linear[:-1]) > WIDEST:
            return
        rates = [op.rate for n in subject.nodes if isinstance(op := n.operation, Drop) and len(n.output) == 1]
        if max(rates, default=0.0) <= LITTLE:
            message = (
                f"hidden linear layers with dropout {max(rates, default=0.0):g}: 0.3 gained 2.4 points over 0.1 on "
                "CaffeNet "
                "(128 px, no norm); write 0.3"
            )
            yield subject.finding(self, message, linear[0].path)
