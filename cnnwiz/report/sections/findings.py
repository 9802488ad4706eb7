"""Findings: what `cnnwiz lint` says about the specs, and why."""

from __future__ import annotations

from collections.abc import Sequence

from cnnwiz.amounts import count
from cnnwiz.knowledge import evidence
from cnnwiz.report.blocks import Block, Column, Entries, Entry, Fold, Section, Text, beside, marked
from cnnwiz.report.reading import Reading
from cnnwiz.report.sections.decisions import measured
from cnnwiz.rules import RULES, check, lint
from cnnwiz.spec import Finding
from cnnwiz.spec.finding import SEVERITIES, show_path


def findings(runs: Sequence[Reading]) -> Section:
    """Errors and warnings in the open, findings of severity info folded."""
    columns = tuple(Column(run.label, _of(run)) for run in runs)
    lead = "What the rules find in the spec. A finding is a reason to look, not a verdict."
    return Section("findings", "Lint findings", lead, beside(columns))


def _of(run: Reading) -> tuple[Block, ...]:
    found = check(run.written) if run.written is not None and run.written.spec is not None else lint(run.spec)
    found = sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
    serious = [_entry(finding) for finding in found if finding.severity != "info"]
    hints = [_entry(finding) for finding in found if finding.severity == "info"]
    blocks: list[Block] = []
    if serious:
        blocks.append(Entries(tuple(serious)))
    else:
        blocks.append(Text(("No errors and no warnings.",)))
    if hints:
        number = count(len(hints), "finding")
        blocks.append(
            Fold(f"{number} of severity info: what could be better, or is worth knowing", (Entries(tuple(hints)),))
        )
    return tuple(blocks)


def _entry(finding: Finding) -> Entry:
    rule = next((rule for rule in RULES if rule.code == finding.code), None)
    place = show_path(finding.path)
    texts = [("", marked(finding.message))]
    if rule is not None:
        texts.append(("Why:", marked(rule.why)))
    effects = [evidence(id) for id in finding.evidence]
    behind = (measured(effects),) if effects else ()
    closer = count(len(effects), "measured effect") if effects else ""
    return Entry(f"{finding.severity} {finding.code} {finding.name}", place, tuple(texts), closer, behind)
