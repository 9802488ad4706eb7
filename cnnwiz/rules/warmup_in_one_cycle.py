"""CNN327 warmup-in-one-cycle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.schedule import OneCycle
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class WarmupInOneCycle(Rule):
    code = "CNN327"
    name = "warmup-in-one-cycle"
    severity = "warning"
    what = "A warm-up in front of `one_cycle`."
    why = (
        "One cycle begins with a rise of its own: with both the rate rises to 4 % of itself, starts there and "
        "rises again."
    )
    do = "Leave `warmup_epochs` out."
    abstains = "With other schedules."
    papers = ("arXiv:1708.07120",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: one_cycle
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: {one_cycle: {warmup_epochs: 1}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        schedule = subject.spec.schedule
        if isinstance(schedule, OneCycle) and schedule.warmup_epochs > 0:
            message = "one_cycle rises by itself; leave warmup_epochs at 0"
            yield subject.finding(self, message, ("schedule", "one_cycle", "warmup_epochs"), write="0")
