"""CNN116 unscaled-input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class UnscaledInput(Rule):
    code = "CNN116"
    name = "unscaled-input"
    severity = "error"
    what = "Images of 0 to 1, neither centred nor scaled, for LSUV initialization without a norm."
    why = (
        "LSUV gives every layer unit variance for the images it sees; with unscaled images CaffeNet lost 2.8 "
        "points on 200,000 images, 3.6 on 400,000 and 4.6 on 600,000."
    )
    do = "Leave `data.normalize` out."
    abstains = "With any norm, and with other initializations: neither was measured. Below 64 px it is a warning."
    evidence = (
        "data_600k_noscale",
        "data_400k_noscale",
        "data_200k_noscale",
    )
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 64}
        model:
          defaults: {norm: none, activation: elu, init: lsuv}
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 64, normalize: none}
        model:
          defaults: {norm: none, activation: elu, init: lsuv}
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        if spec.data.normalize != "none" or spec.model.defaults.init.key != "lsuv" or subject.normalized:
            return
        message = (
            "images are only divided by 255: with LSUV and no norm CaffeNet lost 2.8 to 4.6 points so (128 px); leave "
            "normalize out"
        )
        severity = None if subject.side >= MEASURED_SIDE else "warning"
        yield subject.finding(self, message, ("data", "normalize"), severity, write="dataset")
