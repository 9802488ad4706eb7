"""CNN313 loss-of-another-task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog import section_of
from cnnwiz.catalog.loss import Loss
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class LossOfAnotherTask(Rule):
    code = "CNN313"
    name = "loss-of-another-task"
    severity = "error"
    what = "A loss that cannot be trained for the task."
    why = (
        "Losses of scores need a classifier, losses of embeddings the places of images. Boxes need a loss of their "
        "own: a softmax would make the classes of boxes and of labelled images exclude each other, a margin or an "
        "embedding gives no probability."
    )
    papers = ("arXiv:1612.08242",)
    do = "Take one of the losses the message names, or another `task`."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        loss: center
        """,
        """\
        cnnwiz: 1
        task: detect
        data: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        loss: fcos
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        loss: center
        """,
        """\
        cnnwiz: 1
        task: detect
        data: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        loss, task = subject.spec.loss, subject.spec.task
        if task not in loss.tasks:
            section = section_of(Loss)
            losses = [cls for cls in section.choices if issubclass(cls, Loss)] if section else []
            names = ", ".join(other.key for other in losses if task in other.tasks)
            message = f"loss {loss.key} is not for task {task}; losses for it: {names}; or write task: {loss.tasks[0]}"
            yield subject.finding(self, message, ("loss", loss.key))
