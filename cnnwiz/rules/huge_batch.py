"""CNN304 huge-batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

MEASURED = ("sgd", "momentum", "nesterov")
LARGE, HUGE = 512, 1024  # the measured batches


class HugeBatch(Rule):
    code = "CNN304"
    name = "huge-batch"
    severity = "warning"
    what = "A batch of more than 512 images in a network without norm."
    why = (
        "Even with the learning rate scaled, 1024 lost 0.6 points on CaffeNet; 512 lost 0.2, a tie, and everything "
        "down to 1 was as good."
    )
    do = "Take a batch of 64 to 512 and scale `lr` with it."
    abstains = (
        "With any norm, whose networks take larger batches; with optimizers other than SGD. From 513 to 1023 it is "
        "an info."
    )
    evidence = ("bs1024_scaled_lr", "bs512_scaled_lr")
    good = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        training: {batch_size: 256}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        training: {batch_size: 1024}
        """,
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        training: {batch_size: 768}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        batch = subject.spec.training.batch_size
        if batch <= LARGE or subject.normalized or not subject.nodes or subject.spec.optimizer.key not in MEASURED:
            return
        message = (
            f"batch {batch}: CaffeNet lost 0.6 points at 1024 and 0.2 at 512 even with lr scaled (no norm); 64 to "
            "512 is enough"
        )
        yield subject.finding(self, message, ("training", "batch_size"), None if batch >= HUGE else "info")
