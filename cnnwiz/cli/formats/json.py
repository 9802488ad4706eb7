"""One JSON object with all findings: the contract other programs rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cnnwiz.cli.formats.report import Report
from cnnwiz.spec import Document, Finding
from cnnwiz.spec.finding import show_path


def lines(report: Report) -> Iterator[str]:
    """{"version": 1, "findings": [...]}"""
    listed = [as_json(finding, document) for finding, document in report.findings]
    yield json.dumps({"version": 1, "findings": listed}, indent=2)


def as_json(finding: Finding, document: Document) -> dict[str, Any]:
    """A finding as an object; lines and columns from 1, `start` and `end` of edits in characters from 0."""
    span, fix = finding.span, finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "file": document.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "path": show_path(finding.path),
        "evidence": list(finding.evidence),
        "fix": fix
        and {
            "safety": fix.safety,
            "message": fix.message,
            "edits": [{"start": edit.start, "end": edit.end, "text": edit.text} for edit in fix.edits],
        },
    }
