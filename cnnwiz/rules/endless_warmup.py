"""CNN309 endless-warmup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class EndlessWarmup(Rule):
    code = "CNN309"
    name = "endless-warmup"
    severity = "error"
    what = "A warm-up as long as the training or longer."
    why = "The learning rate would only rise, and training would end where its decay should begin."
    do = "Warm up for a few epochs (2 to 5), or train longer."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: {linear: {warmup_epochs: 2}}
        training: {epochs: 30}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: {linear: {warmup_epochs: 5}}
        training: {epochs: 5, batch_size: 32}
        optimizer: {sgd: {lr: 0.02}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        schedule, epochs = subject.spec.schedule, subject.spec.training.epochs
        if schedule.warmup_epochs >= epochs:
            message = (
                f"{schedule.warmup_epochs:g} epochs of warm-up in a training of {epochs}: lr would never decay; warm "
                "up for less or train longer"
            )
            yield subject.finding(self, message, ("schedule", schedule.key, "warmup_epochs"))
