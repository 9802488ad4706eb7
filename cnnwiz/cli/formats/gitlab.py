"""A Code Quality report for GitLab: docs.gitlab.com, "Code Quality report format"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cnnwiz.cli.formats.report import Checked, Report, fingerprints, from_root

SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def lines(report: Report) -> Iterator[str]:
    """One list with an object for each finding."""
    yield json.dumps([entry for checked in report.files for entry in _entries(checked)], indent=2)


def _entries(checked: Checked) -> Iterator[dict[str, Any]]:
    path = from_root(checked.document.name)
    findings = list(checked.findings)
    for finding, fingerprint in zip(findings, fingerprints(findings, path), strict=True):
        yield {
            "description": finding.message,
            "check_name": f"{finding.code} {finding.name}",
            "fingerprint": fingerprint,
            "severity": SEVERITIES[finding.severity],
            "location": {"path": path, "lines": {"begin": finding.span.line, "end": finding.span.end_line}},
        }
