"""CNN345 impossible-phase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ImpossiblePhase(Rule):
    code = "CNN345"
    name = "impossible-phase"
    severity = "error"
    what = "A phase that freezes more lines than there are, shrinks where it should grow, or is larger than the last."
    why = (
        "The network is validated, tested and used at the size of the last phase, and its images are kept at that "
        "size: there is nothing to enlarge them from. What is frozen are lines of `model.layers`."
    )
    do = "Put the phase with the largest `image_size` last, let images grow, and freeze lines that exist."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        phases:
          - {epochs: 9, image_size: 6}
          - {epochs: 2, image_size: 8, grow_from: 6, lr: 0.001, freeze: 1}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        phases:
          - {epochs: 9, image_size: 8}
          - {epochs: 2, image_size: 6}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        phases:
          - {epochs: 19, grow_from: 12}
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        phases:
          - {epochs: 9}
          - {epochs: 2, freeze: 2}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec, last = subject.spec, subject.side
        lines = len(spec.model.layers)
        usual = spec.data.image_size or spec.data.source.facts().image_size or last
        for index, phase in enumerate(spec.phases):
            size = phase.image_size or usual
            if last and size > last:
                message = f"{size} px here, but the last phase, at whose size the network is used, has {last}"
                yield subject.finding(self, message, ("phases", index))
            elif phase.grow_from and size and phase.grow_from > size:
                message = f"images grow from {phase.grow_from} to {size} px: that is smaller"
                yield subject.finding(self, message, ("phases", index, "grow_from"))
            if phase.freeze > lines:
                message = f"{phase.freeze} lines are frozen, but model.layers has {lines}"
                yield subject.finding(self, message, ("phases", index, "freeze"))
