"""CNN326 large-batch-without-warmup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.optimizer import Momentum, Nesterov, Sgd
from cnnwiz.catalog.schedule import OneCycle
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

LARGE = 2048


class LargeBatchWithoutWarmup(Rule):
    code = "CNN326"
    name = "large-batch-without-warmup"
    severity = "warning"
    what = "SGD on batches of 2,048 images or more, at full learning rate from the first step."
    why = (
        "With batches of 8,192 and the rate scaled to them ResNet-50 on ImageNet had an error of 24.84 % without "
        "warm-up and 23.74 % with five epochs of it; 23.60 % with batches of 256."
    )
    do = "Write `warmup_epochs: 5`."
    abstains = (
        "Without a norm, with other optimizers than SGD, and with `one_cycle`, which rises by itself. 2,048 lies "
        "between the batches measured."
    )
    papers = ("arXiv:1706.02677",)
    good = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16}
        schedule: {linear: {warmup_epochs: 5}}
        optimizer: {sgd: {lr: 1.6}}
        training: {batch_size: 4096}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16}
        schedule: linear
        optimizer: {sgd: {lr: 1.6}}
        training: {batch_size: 4096}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        sgd = isinstance(spec.optimizer, (Sgd, Momentum, Nesterov))
        rises = spec.schedule.warmup_epochs > 0 or isinstance(spec.schedule, OneCycle)
        if sgd and subject.norms and spec.training.batch_size >= LARGE and not rises:
            message = (
                f"batch {spec.training.batch_size} at full lr from the first step: ResNet-50 lost 1.1 points so at "
                "8,192; write "
                "warmup_epochs: 5"
            )
            yield subject.finding(self, message, ("schedule", spec.schedule.key))
