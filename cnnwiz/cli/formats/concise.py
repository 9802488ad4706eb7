"""One line for each finding: for grep, and for editors that jump to file:line:column."""

from __future__ import annotations

from collections.abc import Iterator

from cnnwiz.cli.formats.report import Report
from cnnwiz.cli.frame import concise


def lines(report: Report) -> Iterator[str]:
    """file:line:column: severity CODE name: message"""
    return (concise(finding, document) for finding, document in report.findings)
