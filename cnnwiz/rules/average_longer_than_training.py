"""CNN328 average-longer-than-training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule
from cnnwiz.rules.steps import training_steps

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

SHARE = 1 / 3
WANTED = 1 / 10


class AverageLongerThanTraining(Rule):
    code = "CNN328"
    name = "average-longer-than-training"
    severity = "warning"
    what = "An average of the weights that reaches back over more than a third of the training."
    why = (
        "The average with decay d holds the last 1 / (1 - d) steps. Where that is much of the training, weights "
        "from its beginning are still in it, and it is what is evaluated and kept."
    )
    do = "Lower `ema` so that the average holds a tenth of the steps."
    abstains = (
        "Where the number of steps cannot be told without reading the data: unknown sources, folders that are not"
        " here or hold more than 10,000 images."
    )
    papers = ("Polyak, Juditsky: SIAM J. Control Optim. 30 (1992)",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 64, epochs: 30, ema: 0.98}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        training: {batch_size: 64, epochs: 10, ema: 0.999}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        decay, steps = subject.spec.training.ema, training_steps(subject)
        if decay is None or steps is None:
            return
        held = 1 / (1 - decay)
        if held > SHARE * steps:
            fitting = f"{max(1 - 1 / max(WANTED * steps, 2), 0.5):.2g}"
            message = (
                f"the average holds {held:,.0f} of {steps:,} steps, its beginning among them; write about {fitting}"
            )
            yield subject.finding(self, message, ("training", "ema"), write=fitting)
