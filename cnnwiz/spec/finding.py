"""Findings: what is wrong, or could be better, with one place in a spec. Everything that checks yields these."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
Path = tuple[str | int, ...]
"""Keys and indices from the top of the document to a value."""


class Span(NamedTuple):
    """A piece of text: 0-based offsets for edits, 1-based lines and columns for people."""

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int


START = Span(0, 0, 1, 1, 1, 1)


class Edit(NamedTuple):
    """Replace text[start:end] by `text`."""

    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """A repair. Safe: the same run, bit for bit. Unsafe: changes network or recipe. Suggestion: never applied."""

    safety: Literal["safe", "unsafe", "suggestion"]
    message: str
    edits: tuple[Edit, ...] = ()


class Finding(NamedTuple):
    """One message about one place. `path` is the place in the document, `span` the same in the text."""

    code: str
    name: str
    severity: Severity
    message: str
    path: Path = ()
    span: Span = START
    evidence: tuple[str, ...] = ()
    fix: Fix | None = None


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of the file; the same bytes give the same order."""
    return sorted(set(findings), key=lambda f: (f.span.start, f.code, f.path.__repr__(), f.message))


def show_path(path: Path) -> str:
    """A path as people write it: model.layers[2].conv.channels."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
