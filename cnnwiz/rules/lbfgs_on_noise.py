"""CNN314 lbfgs-on-noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

NOISY = ("batch", "rrelu", "stochastic", "stochastic_depth")


class LbfgsOnNoise(Rule):
    code = "CNN314"
    name = "lbfgs-on-noise"
    severity = "error"
    what = "L-BFGS on a loss that is another one at each call: batch norm, dropout, randomized ReLU or augmentation."
    why = (
        "Its line search compares losses and its memory subtracts gradients; both must come from one function. "
        "Batch norm's statistics move with every evaluation, up to 25 times in a step."
    )
    do = "Take `sgd` or `adamw`, or remove what is random and write `norm: none`."
    abstains = (
        "With other optimizers. Batches that differ from step to step are noise, too, but cannot be told from a spec."
    )
    papers = ("Liu, Nocedal: Math. Programming 45 (1989)",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
        training: {batch_size: 2000}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
          head: {average: {dropout: 0.2}}
        optimizer: lbfgs
        schedule: constant
        training: {batch_size: 2000}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        optimizer: lbfgs
        schedule: constant
        training: {batch_size: 2000}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.optimizer.key != "lbfgs":
            return
        noisy = [node.kind for node in subject.nodes if node.kind in NOISY or node.kind.endswith("dropout")]
        noisy += [step.key for step in subject.spec.augment]
        if noisy:
            message = (
                f"L-BFGS needs the same loss at every call, which {noisy[0]} prevents; remove it, or take sgd or adamw"
            )
            yield subject.finding(self, message, ("optimizer", "lbfgs"))
