"""CNN200 impossible-shape and CNN299 network-too-large: what wiring the network finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.graph.wire import MAX_NODES, MAX_PARAMETERS
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import place

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ImpossibleShape(Rule):
    code = "CNN200"
    name = "impossible-shape"
    severity = "error"
    what = "An operation that cannot take the map it gets."
    why = "The network cannot be built."
    do = "Change the parameter that is shown; the message names the nearest value that works."
    abstains = "Where the size of the input cannot be told."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 48}
            - conv: {channels: 48, groups: 6}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 48}
            - conv: {channels: 48, groups: 5}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        yield from _impossible(subject, self.code)


class NetworkTooLarge(Rule):
    code = "CNN299"
    name = "network-too-large"
    severity = "error"
    what = (
        f"More than {MAX_NODES:,} operations, or one with more than {MAX_PARAMETERS:,} parameters or values in its map."
    )
    why = "No machine that is likely to read the spec can train it."
    do = "Repeat less, or use fewer channels."
    abstains = "Where the size of the input cannot be told."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, repeat: 100}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - repeat: {times: 1000, layers: [conv: {channels: 16, repeat: 1000}]}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        yield from _impossible(subject, self.code)


def _impossible(subject: Subject, code: str) -> Iterator[Finding]:
    found = subject.impossible
    if found and found.code == code:
        yield found._replace(span=place(subject.document, found.path))
