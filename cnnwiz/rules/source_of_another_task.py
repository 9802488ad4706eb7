"""CNN130 source-of-another-task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class SourceOfAnotherTask(Rule):
    code = "CNN130"
    name = "source-of-another-task"
    severity = "error"
    what = "Images without boxes for finding objects, or images with boxes for naming or comparing whole images."
    why = "Boxes cannot be learned from images that have none, and an image with many objects has no class of its own."
    do = (
        "Write `source: {pascal_voc: {path: ...}}` with `task: detect`. Images that only have a class help as its "
        "`labelled`, or in a training of their own whose weights `model.from` takes over."
    )
    abstains = "Never."
    good = (
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
        task: detect
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        loss: fcos
        """,
        """\
        cnnwiz: 1
        data: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 32}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        task, source = subject.spec.task, subject.spec.data.source
        if source.boxed != (task == "detect"):
            has, do = ("boxes", "write task: detect") if source.boxed else ("no boxes", "write source: pascal_voc")
            message = f"images of {source.key} have {has}, which does not serve task {task}; {do}"
            yield subject.finding(self, message, ("data", "source"))
