"""CNN228 head-of-another-task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.detection import DetectionHead
from cnnwiz.catalog.head import EmbeddingHead
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class HeadOfAnotherTask(Rule):
    code = "CNN228"
    name = "head-of-another-task"
    severity = "error"
    what = (
        "A head that does not give what the task needs: an embedding head for naming classes, a classifier for boxes."
    )
    why = (
        "A classifier's scores are no places among other images, an embedding has no score for a class, and neither "
        "says where in an image an object is."
    )
    do = (
        "Write `head: embedding` with `task: embed`, `head: detection` with `task: detect`, and `average` or `flatten` "
        "with `task: classify`."
    )
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
          head: embedding
        """,
        """\
        cnnwiz: 1
        task: embed
        model:
          layers:
            - conv: {channels: 16}
          head: average
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        task, head = subject.spec.task, subject.spec.model.head
        serves = {"embed": EmbeddingHead, "detect": DetectionHead}
        if next((name for name, kind in serves.items() if isinstance(head, kind)), "classify") != task:
            wanted = serves[task].key if task in serves else "average or flatten"
            message = f"head {head.key} does not serve task {task}; write {wanted}, or another task"
            yield subject.finding(self, message, ("model", "head", head.key))
