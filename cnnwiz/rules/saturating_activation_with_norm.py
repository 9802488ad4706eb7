"""CNN251 saturating-activation-with-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

LOST = {"tanh": 5.1, "sigmoid": 2.4}
MANY = 5  # layers; the measured network has 7


class SaturatingActivationWithNorm(Rule):
    code = "CNN251"
    name = "saturating-activation-with-norm"
    severity = "error"
    structural = True
    what = "Sigmoid or tanh in many layers of a network with batch norm."
    why = (
        "Batch norm repairs a part only: on CaffeNet with batch norm tanh lost 5.1 points against ReLU and sigmoid 2.4."
    )
    do = "Write `activation: relu`."
    abstains = (
        "For gates, which weigh channels or paths; with fewer than five such layers; without a norm, of which "
        "another rule tells. Sigmoid is a warning; below 64 px, where nothing was measured, so is tanh."
    )
    evidence = (
        "bn_tanh",
        "bn_sigmoid",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, repeat: 5}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {activation: tanh, init: xavier}
          layers:
            - repeat: {times: 4, layers: [conv: {channels: 16, stride: 2}]}
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {activation: sigmoid, init: xavier}
          layers:
            - conv: {channels: 16, repeat: 5}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        found = [node for i, node in enumerate(subject.nodes) if node.kind in LOST and not subject.gates(i)]
        if len(found) < MANY or not any(node.kind == "batch" for node in subject.norms):
            return
        kind = found[0].kind
        message = (
            f"{kind} in {len(found)} layers: with batch norm it lost {LOST[kind]} points against ReLU on CaffeNet (7 "
            "layers, "
            "128 px); write relu"
        )
        severe = kind == "tanh" and subject.side >= MEASURED_SIDE
        yield subject.finding(
            self, message, subject.origin(found[0], "activation"), None if severe else "warning", write="relu"
        )
