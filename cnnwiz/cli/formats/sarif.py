"""SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0): for code scanning on GitHub, Azure and in editors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cnnwiz import __version__
from cnnwiz.cli.formats.report import Checked, Report, fingerprints, from_root
from cnnwiz.rules import find
from cnnwiz.rules.page import rule_page
from cnnwiz.rules.rule import Rule
from cnnwiz.spec import Document, Edit, Finding, Fix, Span
from cnnwiz.spec.finding import show_path

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
FINGERPRINT = "cnnwiz/v1"
Json = dict[str, Any]


def lines(report: Report) -> Iterator[str]:
    """One run; the rules it lists are those that found something."""
    everything = [finding for checked in report.files for finding in _all(checked)]
    rules = [rule for code in sorted({finding.code for finding in everything}) for rule in find(code)]
    index = {rule.code: number for number, rule in enumerate(rules)}
    driver = {"name": "cnnwiz", "version": __version__, "rules": [_rule(rule) for rule in rules]}
    results = [result for checked in report.files for result in _results(checked, index)]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    yield json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _all(checked: Checked) -> list[Finding]:
    """Those that count, then those that comments silence, then those in the baseline."""
    return [*checked.findings, *(silenced.finding for silenced in checked.silenced), *checked.accepted]


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": f"{rule.why} {rule.do}"},
        "help": {"text": rule_page(rule)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"evidence": list(rule.evidence), "papers": list(rule.papers)},
    }


def _results(checked: Checked, index: dict[str, int]) -> Iterator[Json]:
    path = from_root(checked.document.name)
    findings = _all(checked)
    found = sorted(zip(findings, _suppressions(checked), strict=True), key=lambda pair: pair[0].span.start)
    for (finding, suppressions), fingerprint in zip(found, fingerprints([f for f, _ in found], path), strict=True):
        yield {
            "ruleId": finding.code,
            "ruleIndex": index[finding.code],
            "level": LEVELS[finding.severity],
            "message": {"text": finding.message},
            "locations": [_location(finding, path)],
            "partialFingerprints": {FINGERPRINT: fingerprint},
            "suppressions": suppressions,
            **({"fixes": [_fix(finding.fix, checked.document, path)]} if finding.fix and finding.fix.edits else {}),
        }


def _suppressions(checked: Checked) -> list[list[Json]]:
    """For each of `_all` why it does not count."""
    comments = [[{"kind": "inSource", "justification": silenced.reason}] for silenced in checked.silenced]
    baseline = [[{"kind": "external", "justification": "in the baseline"}] for _ in checked.accepted]
    return [*([] for _ in checked.findings), *comments, *baseline]


def _location(finding: Finding, path: str) -> Json:
    place = {"artifactLocation": {"uri": quote(path)}, "region": _region(finding.span)}
    logical = [{"fullyQualifiedName": show_path(finding.path), "kind": "member"}] if finding.path else []
    return {"physicalLocation": place, "logicalLocations": logical}


def _region(span: Span) -> Json:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _fix(fix: Fix, document: Document, path: str) -> Json:
    replacements = [
        {"deletedRegion": _region(_span(edit, document.text)), "insertedContent": {"text": edit.text}}
        for edit in fix.edits
    ]
    changes = [{"artifactLocation": {"uri": quote(path)}, "replacements": replacements}]
    return {"description": {"text": f"{fix.message} ({fix.safety})"}, "artifactChanges": changes}


def _span(edit: Edit, text: str) -> Span:
    start, end = ((text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)) for at in (edit.start, edit.end))
    return Span(edit.start, edit.end, *start, *end)
