"""CNN215 gaussian-without-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

DEEPEST = 8  # trained layers of AlexNet, which this initialization is from


class GaussianWithoutNorm(Rule):
    code = "CNN215"
    name = "gaussian-without-norm"
    severity = "warning"
    what = "Gaussian initialization of fixed deviation in more than 8 trained layers without a norm."
    why = (
        "The signal is multiplied by the same factor at each layer, so it vanishes or explodes with depth; VGG's "
        "authors trained their deep networks from shallow ones for that reason."
    )
    do = "Write `init: kaiming`."
    abstains = "With any norm; up to 8 convolutions and linear layers."
    papers = ("arXiv:1502.01852", "arXiv:1409.1556")
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu, init: kaiming}
          layers:
            - conv: {channels: 16, repeat: 8}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu, init: gaussian}
          layers:
            - conv: {channels: 16, repeat: 7}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu, init: gaussian}
          layers:
            - conv: {channels: 16, repeat: 8}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        trained = sum(node.kind in ("conv", "linear") for node in subject.nodes)
        if subject.spec.model.defaults.init.key != "gaussian" or subject.normalized or trained <= DEEPEST:
            return
        message = (
            f"one deviation for {trained} trained layers without norm: the signal vanishes or explodes with depth; "
            "write kaiming"
        )
        yield subject.finding(self, message, ("model", "defaults", "init"), write="kaiming")
