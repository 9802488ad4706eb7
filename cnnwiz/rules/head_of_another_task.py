"""CNN228 head-of-another-task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.head import EmbeddingHead
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class HeadOfAnotherTask(Rule):
    code = "CNN228"
    name = "head-of-another-task"
    severity = "error"
    what = "An embedding head for naming classes, or a classifier for embedding."
    why = "A classifier's scores are no places among other images, and an embedding has no score for a class."
    do = "Write `head: embedding` with `task: embed`, and `average` or `flatten` with `task: classify`."
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
        if (task == "embed") != isinstance(head, EmbeddingHead):
            wanted = "embedding" if task == "embed" else "average or flatten"
            message = f"head {head.key} does not serve task {task}; write {wanted}, or another task"
            yield subject.finding(self, message, ("model", "head", head.key))
