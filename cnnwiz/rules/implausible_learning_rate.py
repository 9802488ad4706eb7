"""CNN325 implausible-learning-rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.optimizer import Adam, AdamW, Momentum, Nesterov, Sgd
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SGD = 0.1 / 256  # for each image of a batch, arXiv:1706.02677
ADAM = 0.001  # arXiv:1412.6980
BELOW, ABOVE = 1 / 64, 16


class ImplausibleLearningRate(Rule):
    code = "CNN325"
    name = "implausible-learning-rate"
    severity = "warning"
    what = "A learning rate that belongs to another optimizer."
    why = (
        "SGD with momentum and a norm is trained at about 0.1 for 256 images, in proportion to the batch; Adam, "
        "whose steps are about as long as the rate itself, at about 0.001. The rate of one is sixty times too "
        "small or too large for the other."
    )
    do = "Begin at 0.1 for 256 images with SGD, at 0.001 with Adam and AdamW."
    abstains = (
        "Between a sixty-fourth and sixteen times those rates; without a norm (SGD), of which "
        "`mismatched-learning-rate` tells; with `model.from` or `phases`, where small rates are meant; with other"
        " optimizers."
    )
    papers = (
        "arXiv:1706.02677",
        "arXiv:1412.6980",
    )
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.05}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.0005}}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: {adamw: {lr: 0.1}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec, optimizer = subject.spec, subject.spec.optimizer
        if spec.model.origin or spec.phases:
            return
        if isinstance(optimizer, (Sgd, Momentum, Nesterov)) and subject.norms and optimizer.momentum >= 0.8:
            usual = SGD * spec.training.batch_size
        elif isinstance(optimizer, (Adam, AdamW)):
            usual = ADAM
        else:
            return
        ratio = optimizer.lr / usual
        if not BELOW < ratio < ABOVE:
            far = f"{ratio:.0f} times" if ratio > 1 else f"one {1 / ratio:.0f}th of"
            message = f"lr {optimizer.lr:g} is {far} what is usual for {optimizer.key} here; begin at {usual:.2g}"
            yield subject.finding(self, message, ("optimizer", optimizer.key, "lr"))
