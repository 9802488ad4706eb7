"""CNN307 nesterov-without-momentum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.optimizer import Sgd
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class NesterovWithoutMomentum(Rule):
    code = "CNN307"
    name = "nesterov-without-momentum"
    severity = "error"
    what = "`nesterov: true` with momentum 0."
    why = (
        "Nesterov's form changes how momentum is applied; without momentum this is plain gradient descent, and the "
        "value cannot be obeyed."
    )
    do = "Remove `nesterov`, or give `momentum` a value such as 0.9."
    abstains = "Where `nesterov` is not written."
    papers = ("Sutskever et al.: ICML 2013",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true}}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.1, momentum: 0}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.1, momentum: 0, nesterov: true}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        sgd = subject.spec.optimizer
        if isinstance(sgd, Sgd) and sgd.momentum == 0 and sgd.nesterov and "nesterov" in sgd.model_fields_set:
            message = (
                "nesterov has no meaning at momentum 0: this is plain gradient descent; remove it, or give momentum 0.9"
            )
            yield subject.finding(self, message, ("optimizer", "sgd", "nesterov"), write="false")
