"""`cnnwiz lint`: what is wrong with specs, or could be better in them, each thing at its line."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from cnnwiz.cli.frame import Paint
    from cnnwiz.spec import Document, Finding

Found = Sequence[tuple["Document", list["Finding"]]]
STYLES = {"red": "1;31", "yellow": "1;33", "blue": "1;34"}


def lint(
    files: list[str] = typer.Argument(metavar="FILE...", help="Spec files, or - for standard input."),
    output_format: Literal["full", "concise", "json"] = typer.Option(
        "full", "--output-format", help="Frames with the lines in question, one line each, or JSON."
    ),
    fail_on: Literal["error", "warning", "info", "never"] = typer.Option(
        "error", "--fail-on", help="Exit with 1 on findings of this severity or a worse one."
    ),
    select: list[str] = typer.Option(
        [], "--select", metavar="RULES", help="Only these: codes, names or CNN2, by comma."
    ),
    ignore: list[str] = typer.Option([], "--ignore", metavar="RULES", help="All but these."),
    everything: bool = typer.Option(
        False, "--all", help="Show findings of severity info, too; JSON always holds them."
    ),
    fix: bool = typer.Option(False, "--fix", help="Apply repairs that leave the training run as it is."),
    unsafe_fixes: bool = typer.Option(False, "--unsafe-fixes", help="With --fix or --diff: also those that change it."),
    diff: bool = typer.Option(
        False, "--diff", help="Show what --fix would change, write nothing; exit with 1 if it would."
    ),
    statistics: bool = typer.Option(False, "--statistics", help="Count the findings of each rule instead."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No line of totals."),
) -> int:
    """Check specs: what will not run, and what the evidence says will run worse.

    Example: cnnwiz lint spec.yaml

    A comment silences a finding on its line or the next one: # cnnwiz: ignore[CNN201] reason
    """
    from cnnwiz.rules import check, selected
    from cnnwiz.spec import open_document
    from cnnwiz.spec.finding import SEVERITIES

    chosen, ignored = _known(select), _known(ignore)
    shows_infos = bool(everything or chosen or fail_on == "info" or output_format == "json")
    documents = [open_document(file) for file in files]
    found = [(document, selected(check(document), chosen, ignored)) for document in documents]
    if diff:
        return _preview(_shown(found, shows_infos), unsafe_fixes)
    if fix and (written := _repair(_shown(found, shows_infos), unsafe_fixes)):
        documents = [open_document(document.name) if document.name in written else document for document in documents]
        found = [(document, selected(check(document), chosen, ignored)) for document in documents]
    shown = _shown(found, shows_infos)
    _show(shown, output_format, statistics)
    if output_format == "full" and not quiet:
        hidden = sum(len(findings) for _, findings in found) - sum(len(findings) for _, findings in shown)
        print(totals([f for _, findings in shown for f in findings], len(files), hidden))
    failing = () if fail_on == "never" else SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return int(any(f.severity in failing for _, findings in found for f in findings))


def _shown(found: Found, infos: bool) -> Found:
    """The findings people are to see."""
    return [(document, [f for f in findings if infos or f.severity != "info"]) for document, findings in found]


def _preview(found: Found, unsafe: bool) -> int:
    """Print what --fix would change; 1 when it would change anything."""
    from cnnwiz.cli.repair import changes
    from cnnwiz.rules.repair import repaired

    texts = [(document, repaired(document, findings, unsafe)[0]) for document, findings in found]
    lines = [line for document, text in texts for line in changes(document, text)]
    print("\n".join(lines) if lines else "nothing to fix")
    return int(bool(lines))


def _repair(found: Found, unsafe: bool) -> set[str]:
    """Write the repaired files and say on stderr what was done; the names of the files that changed."""
    from cnnwiz.cli.frame import repair_note
    from cnnwiz.cli.repair import rewrite
    from cnnwiz.errors import CnnwizError
    from cnnwiz.rules.repair import repaired

    written = set()
    for document, findings in found:
        text, applied = repaired(document, findings, unsafe)
        if not applied:
            continue
        if document.name == "<stdin>":
            raise CnnwizError("standard input cannot be repaired in place; give a file, or take --diff")
        rewrite(Path(document.name), text)
        written.add(document.name)
        print("\n".join(repair_note(f, document) for f in applied), file=sys.stderr)
    return written


def _show(found: Found, output_format: str, statistics: bool) -> None:
    from cnnwiz.cli.frame import concise, frame

    if statistics:
        _statistics([f for _, findings in found for f in findings], output_format)
    elif output_format == "json":
        listed = [as_json(f, document) for document, findings in found for f in findings]
        print(json.dumps({"version": 1, "findings": listed}, indent=2))
    elif output_format == "concise":
        for document, findings in found:
            for finding in findings:
                print(concise(finding, document))
    else:
        paint = painter()
        for document, findings in found:
            for finding in findings:
                print(frame(finding, document, paint) + "\n")


def _statistics(findings: list[Finding], output_format: str) -> None:
    counts = Counter((f.code, f.name, f.severity) for f in findings)
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    if output_format == "json":
        keys = ("code", "name", "severity")
        listed = [{**dict(zip(keys, key, strict=True)), "count": count} for key, count in rows]
        print(json.dumps({"version": 1, "statistics": listed}, indent=2))
        return
    for (code, name, severity), count in rows:
        print(f"{count:>5}  {code}  {severity:<7}  {name}")


def as_json(finding: Finding, document: Document) -> dict[str, Any]:
    """A finding as the object of the JSON output; lines and columns from 1, `start` and `end` of edits from 0."""
    from cnnwiz.spec.finding import show_path

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


def totals(findings: list[Finding], files: int, hidden: int) -> str:
    """1 error, 2 warnings in 1 file; 3 infos not shown (--all); 1 can be repaired with --fix"""
    counts = Counter(f.severity for f in findings)
    said = ", ".join(_count(counts[s], s) for s in ("error", "warning", "info") if counts[s]) or "nothing found"
    safety = Counter(f.fix.safety for f in findings if f.fix and f.fix.edits)
    parts = [f"{said} in {_count(files, 'file')}"]
    parts += [f"{_count(hidden, 'info')} not shown (--all)"] if hidden else []
    parts += [f"{safety['safe']} can be repaired with --fix"] if safety["safe"] else []
    parts += [f"{safety['unsafe']} with --fix --unsafe-fixes"] if safety["unsafe"] else []
    return "; ".join(parts)


def painter() -> Paint:
    """Colours for a terminal that wants them, else none."""
    from cnnwiz.cli.console import is_plain
    from cnnwiz.cli.frame import plainly

    if not sys.stdout.isatty() or is_plain() or os.environ.get("NO_COLOR"):
        return plainly
    return lambda text, style: f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def _known(words: list[str]) -> list[str]:
    """Rules as the user named them, split at commas; CnnwizError with the nearest where there is none."""
    from difflib import get_close_matches

    from cnnwiz.errors import CnnwizError
    from cnnwiz.rules import RULES, find

    split = [part.strip() for word in words for part in word.split(",") if part.strip()]
    for word in split:
        if not find(word):
            names = [name for rule in RULES for name in (rule.code, rule.name)]
            close = get_close_matches(word[:100], names, n=2, cutoff=0.4)
            raise CnnwizError(
                f"no rule is called {word!r}; {'nearest: ' + ', '.join(close) if close else 'cnnwiz rules lists them'}"
            )
    return split


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
