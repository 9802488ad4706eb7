"""CNN302 schedule-not-finished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.schedule import LinearDecay
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

TOLERATED = 0.06  # of the learning rate: 1.0 points missing
NOTHING_GAINED = 0.12  # as good as step decay


class ScheduleNotFinished(Rule):
    code = "CNN302"
    name = "schedule-not-finished"
    severity = "warning"
    what = "Linear decay that ends with more than 6 % of the learning rate left."
    why = (
        "The gain comes at the very end. Read off a figure, CaffeNet's linear run was 1.0 points below its end with "
        "6 % left and 2.4 with 12.5 %, where it is no better than step decay."
    )
    do = "Write `final: 0`, or leave it out."
    abstains = "With other schedules, which were not measured so."
    evidence = ("lr_linear_300k_graph", "lr_linear_280k_graph", "lr_linear")
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: linear
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: {linear: {final: 0.05}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        schedule: {linear: {final: 0.1}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        schedule = subject.spec.schedule
        if not isinstance(schedule, LinearDecay) or schedule.final <= TOLERATED:
            return
        lost = (
            "2.4 points were missing at 12.5 %" if schedule.final > NOTHING_GAINED else "1.0 points were missing at 6 %"
        )
        message = (
            f"linear decay ends with {schedule.final:.3g} of the learning rate: CaffeNet wins in the last steps, "
            f"{lost}; leave final at 0"
        )
        yield subject.finding(self, message, ("schedule", "linear", "final"), write="0")
