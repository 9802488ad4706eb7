"""What `cnnwiz lint` does with files: look at them, repair them, tell what was found."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple, TextIO

from cnnwiz.amounts import count
from cnnwiz.cli.baseline import Baseline, read_baseline
from cnnwiz.cli.formats.report import Checked, Report
from cnnwiz.cli.frame import Paint, plainly, repair_note
from cnnwiz.cli.lint import Format
from cnnwiz.cli.plain import visible
from cnnwiz.cli.repair import changes, rewrite
from cnnwiz.cli.settings import Settings, settings_for
from cnnwiz.cli.sources import STDIN, sources
from cnnwiz.cli.write import write_whole
from cnnwiz.errors import CnnwizError
from cnnwiz.rules import examine
from cnnwiz.rules.repair import Repaired, repaired
from cnnwiz.spec import Document, Finding, open_document

Color = Literal["auto", "always", "never"]
COMPLETE = ("json", "jsonl")
"""Formats that hold findings of severity info without being asked."""
STYLES = {"red": "1;31", "yellow": "1;33", "blue": "1;34", "green": "32"}


class Job(NamedTuple):
    """What one run of the command is to do."""

    names: Sequence[str]
    settings: Callable[[], Settings]
    output_format: Format | None = None
    output: Path | None = None
    stdin_filename: str | None = None
    fix: bool = False
    unsafe: bool = False
    diff: bool = False
    statistics: bool = False
    write_baseline: bool = False
    quiet: bool = False
    color: Color = "auto"
    specs_only: bool = False


def run(job: Job) -> int:
    """Do it; the exit code."""
    form = job.output_format or _usual_format(job)
    settings = job.settings()
    settings = replace(settings, all=True) if form in COMPLETE else settings
    baseline = _baseline(settings, job.write_baseline)
    names = sources(job.names, settings.excludes, job.specs_only)
    if not names and not job.specs_only:
        print(f"no specs in {', '.join(job.names)}", file=sys.stderr)
    documents = {name: _opened(name, job.stdin_filename) for name in names}

    def look(document: Document) -> Checked:
        return checked(document, settings, baseline)

    files = {name: look(document) for name, document in documents.items()}
    if job.diff:
        return _preview(files.values(), look, job.unsafe)
    stdout = sys.stdout
    if job.fix:
        for name, checks in files.items():
            files[name] = _mended(name, checks, look, job.unsafe)
        if STDIN in files:  # the text is the result, so what was found goes where notes go
            sys.stdout.write(files[STDIN].document.text)
            stdout = sys.stderr
    if job.write_baseline and baseline:
        return _write_baseline(baseline, tuple(files.values()))
    paint = plainly if job.output else painter(job.color)
    report = Report(tuple(files.values()), settings.failing, paint, job.quiet)
    lines = _statistics(report, form) if job.statistics else import_module(f"cnnwiz.cli.formats.{form}").lines(report)
    _emit(lines, job.output, stdout)
    _say_gone(baseline, report.files)
    return int(report.failed)


def checked(document: Document, settings: Settings, baseline: Baseline | None = None) -> Checked:
    """What counts of what is found in a document."""
    found, silenced = examine(document)
    counted = settings.applied(found, document.name)
    new, old = baseline.split(document.name, counted) if baseline else (counted, [])
    shown = settings.shown(new)
    silent = tuple(s for s in silenced if settings.applied([s.finding], document.name))
    return Checked(document, shown, silent, tuple(old), len(new) - len(shown))


def painter(color: Color = "auto") -> Paint:
    """Colours for a terminal that wants them, or as told."""
    from cnnwiz.cli.console import is_plain

    wanted = sys.stdout.isatty() and not is_plain() and not os.environ.get("NO_COLOR")
    if color == "never" or (color == "auto" and not wanted):
        return plainly
    return lambda text, style: f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def _usual_format(job: Job) -> Format:
    """Full text, with annotations in a GitHub workflow."""
    on_github = os.environ.get("GITHUB_ACTIONS") == "true" and not (job.statistics or job.output)
    return "github" if on_github else "full"


def _opened(name: str, stdin_filename: str | None) -> Document:
    document = open_document(name)
    return document._replace(name=stdin_filename) if name == STDIN and stdin_filename else document


def _baseline(settings: Settings, writing: bool) -> Baseline | None:
    if settings.baseline is None and writing:
        raise CnnwizError("--write-baseline needs a file: give --baseline FILE, or `baseline` in the configuration")
    return read_baseline(settings.baseline, may_be_missing=writing) if settings.baseline else None


def _write_baseline(baseline: Baseline, files: tuple[Checked, ...]) -> int:
    write_whole(baseline.path, baseline.with_files(files).encode())
    known = sum(len(checks.findings) + len(checks.accepted) for checks in files)
    print(visible(f"wrote {baseline.path}: {count(known, 'finding')}"), file=sys.stderr)
    return 0


def _say_gone(baseline: Baseline | None, files: tuple[Checked, ...]) -> None:
    gone = baseline.gone(files) if baseline else 0
    if baseline and gone:
        text = f"{count(gone, 'finding')} of {baseline.path} no longer there; --write-baseline takes them out"
        print(visible(text), file=sys.stderr)


def _preview(files: Iterable[Checked], look: Callable[[Document], Checked], unsafe: bool) -> int:
    """Print what --fix would change; 1 when it would change anything."""
    done = [(checks.document, _repaired(checks, look, unsafe)) for checks in files]
    lines = [line for document, repair in done for line in changes(document, repair)]
    print("\n".join(lines) if lines else "nothing to fix")
    repairs = sum(len(repair.applied) for _, repair in done)
    if lines:
        print(f"would make {count(repairs, 'repair')}; nothing was written", file=sys.stderr)
    return int(bool(lines))


def _mended(name: str, checks: Checked, look: Callable[[Document], Checked], unsafe: bool) -> Checked:
    """Write the repaired file and say on stderr what was done; what is found in it now."""
    repair = _repaired(checks, look, unsafe)
    if not repair.applied:
        return checks
    if name != STDIN:
        rewrite(Path(name), repair.document.text)
    print("\n".join(repair_note(finding, checks.document) for finding in repair.applied), file=sys.stderr)
    return look(repair.document)


def _repaired(checks: Checked, look: Callable[[Document], Checked], unsafe: bool) -> Repaired:
    if not any(finding.fix for finding in checks.findings):
        return Repaired(checks.document)
    repair = repaired(checks.document, lambda document: list(look(document).findings), unsafe)
    for finding, reason in repair.refused:
        print(f"{repair_note(finding, checks.document)}: not done, as {reason}", file=sys.stderr)
    return repair


def _statistics(report: Report, form: Format) -> Iterator[str]:
    """How often each rule found something, the most frequent first."""
    marks = {"safe": "[*]", "unsafe": "[u]"}
    counts: Counter[tuple[str, str, str]] = Counter()
    fixes: dict[str, str] = {}
    for finding, _ in report.findings:
        counts[finding.code, finding.name, finding.severity] += 1
        if finding.fix and finding.fix.edits:
            fixes[finding.code] = finding.fix.safety
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    if form == "json":
        import json

        keys = ("code", "name", "severity")
        listed = [
            {**dict(zip(keys, key, strict=True)), "count": number, "fix": fixes.get(key[0])} for key, number in rows
        ]
        yield json.dumps({"version": 1, "statistics": listed}, indent=2)
        return
    for (code, name, severity), number in rows:
        yield f"{number:>5}  {code}  {severity:<7}  {marks.get(fixes.get(code, ''), ''):<3}  {name}"


def _emit(lines: Iterable[str], output: Path | None, stdout: TextIO) -> None:
    """Write lines to the file, whole or not at all, or to the stream."""
    text = "".join(f"{line}\n" for line in lines)
    if output is None:
        stdout.write(text)
        return
    write_whole(output, text.encode("utf-8", "backslashreplace"))


def findings_of(document: Document) -> list[Finding]:
    """What counts of what is found in a file, by the configuration that applies to it: for other commands."""
    settings = settings_for(Path(document.name).resolve().parent, {})
    return list(checked(document, settings).findings)
