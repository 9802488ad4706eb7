"""`cnnwiz lint --module`: what the structure of a torch module made elsewhere shows. The one warm part of lint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.cli.linting import Job
    from cnnwiz.cli.settings import Settings
    from cnnwiz.nn.trace import Traced
    from cnnwiz.spec import Finding

FORMATS = ("full", "concise", "json")
SHOWN = 12  # layers named that could not be read
SIZE = "3,224,224"


@dataclass(frozen=True)
class Examined:
    """A module, how it was read, and what was found."""

    name: str
    traced: Traced
    findings: tuple[Finding, ...]
    hidden: int
    """How many of severity info are not shown."""

    @property
    def operations(self) -> int:
        return len(self.traced.graph.nodes)

    @property
    def read(self) -> int:
        return self.operations - len(self.traced.unread)

    @property
    def parameters_read(self) -> int:
        return sum(n.parameter_count for n in self.traced.graph.nodes if n.kind != "unread")


def lint_module(name: str, size: str | None, job: Job) -> int:
    """Trace the module, hold the rules of structure against it, print what they find; the exit code."""
    _refuse(job)
    settings = job.settings()
    examined = examine_module(name, _shape(size or SIZE), settings, job.output_format == "json")
    lines = {"full": _full, "concise": _concise, "json": _json}[job.output_format or "full"]
    for line in lines(examined):
        print(line)
    return int(any(finding.severity in settings.failing for finding in examined.findings))


def examine_module(name: str, shape: tuple[int, int, int], settings: Settings, complete: bool) -> Examined:
    """A module traced for images of `shape`, and the findings that count; all of them where `complete`."""
    from cnnwiz.nn.trace import load_module, trace
    from cnnwiz.rules import lint_graph

    traced = trace(load_module(name), shape, name)
    counted = settings.applied(lint_graph(traced.graph), name)
    shown = tuple(counted) if complete else settings.shown(counted)
    return Examined(name, traced, shown, len(counted) - len(shown))


def _refuse(job: Job) -> None:
    """Raise CnnwizError for options that only specs have: none is ignored."""
    given = (job.names, job.fix, job.unsafe, job.diff, job.statistics, job.write_baseline, job.output)
    if any(given) or job.stdin_filename or job.output_format not in (None, *FORMATS):
        raise CnnwizError(
            "--module takes no files and goes with --input, --select, --ignore, --all, --fail-on, --config and "
            "--output-format full, concise or json"
        )


def _shape(text: str) -> tuple[int, int, int]:
    numbers = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(numbers) != 3 or text.count(",") != 2 or not all(0 < number <= 4096 for number in numbers):
        raise CnnwizError(f"--input {text!r} is no size: write CHANNELS,HEIGHT,WIDTH, as in {SIZE}")
    return numbers[0], numbers[1], numbers[2]


def _full(examined: Examined) -> Iterator[str]:
    from cnnwiz.amounts import count
    from cnnwiz.cli.formats.full import by_severity
    from cnnwiz.cli.frame import headline
    from cnnwiz.spec.finding import show_path

    for finding in examined.findings:
        yield headline(finding)
        yield f" --> {examined.name}, {show_path(finding.path)}"
        yield f"  = why: cnnwiz explain {finding.code}\n"
    size = "x".join(map(str, examined.traced.graph.input))
    share = f"{examined.read:,} of {examined.operations:,} operations and {examined.parameters_read:,} of "
    yield f"{examined.name} at {size}: read {share}{examined.traced.parameters:,} parameters"
    unread = examined.traced.unread
    if unread:
        more = f" and {len(unread) - SHOWN} more" if len(unread) > SHOWN else ""
        yield f"not read, and left out of account: {', '.join(unread[:SHOWN])}{more}"
    hidden = f"; {count(examined.hidden, 'info')} not shown (--all)" if examined.hidden else ""
    yield f"{by_severity(examined.findings)}{hidden}; rules on data and training need a spec"


def _concise(examined: Examined) -> Iterator[str]:
    from cnnwiz.spec.finding import show_path

    for f in examined.findings:
        yield f"{examined.name}:{show_path(f.path)}: {f.severity} {f.code} {f.name}: {f.message}"


def _json(examined: Examined) -> Iterator[str]:
    """The object of specs, with the module and how it was read; findings have a path and no line."""
    yield json.dumps({"version": 1, **as_json(examined)}, indent=2)


def as_json(examined: Examined) -> dict[str, Any]:
    """What was read and found, as JSON holds it."""
    from cnnwiz.spec.finding import show_path

    findings = [
        {
            "code": f.code,
            "name": f.name,
            "severity": f.severity,
            "message": f.message,
            "file": examined.name,
            **dict.fromkeys(("line", "column", "end_line", "end_column")),
            "path": show_path(f.path),
            "evidence": list(f.evidence),
            "fix": None,
        }
        for f in examined.findings
    ]
    return {
        "module": examined.name,
        "input": list(examined.traced.graph.input),
        "operations": examined.operations,
        "operations_read": examined.read,
        "parameters": examined.traced.parameters,
        "parameters_read": examined.parameters_read,
        "unread": list(examined.traced.unread),
        "findings": findings,
    }
