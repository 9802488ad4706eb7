"""Frames with the lines in question, and a line of totals: for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cnnwiz.amounts import count
from cnnwiz.cli.formats.report import Report
from cnnwiz.cli.frame import frame

if TYPE_CHECKING:
    from cnnwiz.spec import Finding


def lines(report: Report) -> Iterator[str]:
    """Each finding in its frame, then the totals."""
    for finding, document in report.findings:
        yield frame(finding, document, report.paint)
        yield ""
    if not report.quiet:
        yield totals(report)


def totals(report: Report) -> str:
    """1 error, 2 warnings in 1 file; 3 infos not shown (--all); 1 can be repaired with --fix"""
    findings = [finding for finding, _ in report.findings]
    said = by_severity(findings)
    safety = Counter(f.fix.safety for f in findings if f.fix and f.fix.edits)
    hidden, accepted = sum(file.hidden for file in report.files), sum(len(file.accepted) for file in report.files)
    parts = [f"{said} in {count(len(report.files), 'file')}"]
    parts += [f"{count(accepted, 'finding')} in the baseline"] if accepted else []
    parts += [f"{count(hidden, 'info')} not shown (--all)"] if hidden else []
    parts += [f"{safety['safe']} can be repaired with --fix"] if safety["safe"] else []
    parts += [f"{safety['unsafe']} with --fix --unsafe-fixes"] if safety["unsafe"] else []
    return "; ".join(parts)


def by_severity(findings: Sequence[Finding]) -> str:
    """1 error, 2 warnings; or that nothing was found."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(count(counts[s], s) for s in ("error", "warning", "info") if counts[s]) or "nothing found"
