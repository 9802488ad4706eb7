"""Annotations for GitHub Actions, and the full text in a folded group of the log.

Workflow commands and their escapes: docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of
actions/toolkit, packages/core/src/command.ts. GitHub shows ten annotations of each level in a step
(actions/toolkit#734), so the worst come first and what is left out is counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

from cnnwiz.cli.formats import full
from cnnwiz.cli.formats.report import Report, from_root
from cnnwiz.cli.plain import visible
from cnnwiz.spec import Document, Finding
from cnnwiz.spec.finding import SEVERITIES

LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
MOST = 10
"""Annotations of one level that GitHub shows in a step."""


def lines(report: Report) -> Iterator[str]:
    """Annotations, the worst first, how many are left out, and the text that people read."""
    found = sorted(report.findings, key=lambda pair: SEVERITIES.index(pair[0].severity))
    counts = Counter(finding.severity for finding, _ in found)
    room = dict.fromkeys(SEVERITIES, MOST)
    if any(number > MOST for number in counts.values()):
        room["info"] -= 1  # the notice that says how many are left out takes one
    left = sum(max(0, counts[severity] - room[severity]) for severity in SEVERITIES)
    for finding, document in found:
        if room[finding.severity]:
            room[finding.severity] -= 1
            yield annotation(finding, document)
    if left:
        yield f"::notice::+{left} more in the log"
    if not found:
        yield from full.lines(report)
        return
    text = "\n".join(full.lines(report))
    token = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    yield f"::group::cnnwiz lint: {full.totals(report)}"
    yield f"::stop-commands::{token}"  # nothing that a file says may act as a command
    yield text
    yield f"::{token}::"
    yield "::endgroup::"


def annotation(finding: Finding, document: Document) -> str:
    """::error file=...,line=...::message"""
    span = finding.span
    properties = {
        "file": from_root(document.name),
        "line": span.line,
        "col": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
        "title": f"{finding.code} {finding.name}",
    }
    said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{LEVELS[finding.severity]} {said}::{_data(visible(finding.message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
