"""CNN117 noisy-labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding, Severity

LOST = 0.25  # points for each percent of wrong labels
DOUBLING = 4.6  # points gained by twice as many images
LIMITS: tuple[tuple[float, Severity], ...] = ((0.15, "error"), (0.05, "warning"), (0.02, "info"))


class NoisyLabels(Rule):
    code = "CNN117"
    name = "noisy-labels"
    severity = "error"
    what = "An audit has found wrong labels, and they cost more than they seem to."
    why = (
        "On CaffeNet accuracy fell by 0.23 to 0.26 points for each percent of wrong labels: 1.3 at 5 %, 2.4 at 10"
        " %, 3.4 at 15 %, 12.4 at 50 %. A wrong label cost 2.5 times as much as a missing image."
    )
    do = (
        "Correct or remove them before collecting more: half the set without errors beat all of it with half of "
        "them wrong by 7.8 points."
    )
    abstains = (
        "Without `data.audit.label_errors`: ask for an audit rather than guess. Below 2 %. From 2 % it is an "
        "info, from 5 % a warning, from 15 % an error."
    )
    evidence = (
        "noise_5",
        "noise_10",
        "noise_15",
        "noise_50",
        "data_600k",
    )
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {audit: {label_errors: 0.01}}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {audit: {label_errors: 0.2}}
        model:
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        data: {audit: {label_errors: 0.06}}
        model:
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        audit = subject.spec.data.audit
        share = audit.label_errors if audit else None
        severity: Severity | None = next((severe for limit, severe in LIMITS if share and share >= limit), None)
        if share is None or severity is None:
            return
        lost = LOST * 100 * share
        message = (
            f"{100 * share:.3g} % of the labels are wrong, which costs about {lost:.1f} points (CaffeNet); "
            "correcting them is "
            f"worth as much as {2 ** (lost / DOUBLING):.1f} times as many images"
        )
        yield subject.finding(self, message, ("data", "audit", "label_errors"), severity)
