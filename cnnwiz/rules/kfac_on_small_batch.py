"""CNN339 kfac-on-small-batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.second_order import Kfac
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

FEW = 64


class KfacOnSmallBatch(Rule):
    code = "CNN339"
    name = "kfac-on-small-batch"
    severity = "info"
    what = "K-FAC on batches of fewer than 64 images."
    why = (
        "Its two matrices for each layer are estimated from the batch; from few images they are mostly noise, and"
        " their inverses more so. Its authors used batches that grow to thousands."
    )
    do = "Raise `batch_size`, or `factor_decay`, which averages over steps."
    abstains = "From 64 images on (no measured limit), and with other optimizers."
    papers = ("arXiv:1503.05671",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: kfac
        training: {batch_size: 256}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: kfac
        training: {batch_size: 32}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        if isinstance(spec.optimizer, Kfac) and spec.training.batch_size < FEW:
            message = f"{spec.training.batch_size} images say little about curvature; raise batch_size to {FEW} or more"
            yield subject.finding(self, message, ("training", "batch_size"))
