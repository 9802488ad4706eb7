"""CNN256 selu-on-unscaled-input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SeluOnUnscaledInput(Rule):
    code = "CNN256"
    name = "selu-on-unscaled-input"
    severity = "warning"
    what = "SELU on images that are neither centred nor scaled."
    why = (
        "SELU draws values to mean 0 and variance 1 from where they are near it; images of 0 to 1 have a variance"
        " of about 0.06."
    )
    do = "Leave `data.normalize` out."
    abstains = "With other activations, with a norm as the first operation, and with `lsuv`, which looks at the images."
    papers = ("arXiv:1706.02515",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: selu, init: lecun}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {normalize: none}
        model:
          defaults: {norm: none, activation: selu, init: lecun}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        raw = spec.data.normalize == "none" and not subject.norms and spec.model.defaults.init.key != "lsuv"
        if raw and any(node.kind == "selu" for node in subject.activations):
            message = "SELU needs inputs of mean 0 and variance 1; leave normalize out"
            yield subject.finding(self, message, ("data", "normalize"), write="dataset")
