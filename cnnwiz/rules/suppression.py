"""Comments that silence a finding: `# cnnwiz: ignore[CODE] reason`, on its line, on the line above, or for the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from cnnwiz.rules.reading import GOOD, FileRule
from cnnwiz.spec import Edit, Finding, Fix, Span

if TYPE_CHECKING:
    from cnnwiz.rules.rule import Rule
    from cnnwiz.spec import Document
    from cnnwiz.spec.reader import Node

_COMMENT = re.compile(
    r"(?:^|(?<=[\s]))#\s*cnnwiz:\s*(ignore(?:-file)?)\s*\[([^\]\r\n]*)\][ \t]*([^\r\n]*)", re.MULTILINE
)
LASTING = ("CNN200", "CNN299")
"""Codes besides the errors of the file itself that no comment silences: there is no network to train."""


class UnusedSuppression(FileRule):
    code = "CNN912"
    name = "unused-suppression"
    severity = "warning"
    what = "A comment that silences a finding that is not there, or a rule that does not exist."
    why = "It would silence the finding the day it appears, and the reason beside it is no longer true."
    do = "Remove it. Errors that keep a spec from running cannot be silenced."
    good = (GOOD, GOOD + "schedule: step  # cnnwiz: ignore[CNN301] as published\n")
    bad = (GOOD + "name: net  # cnnwiz: ignore[CNN301] as published\n",)


class SuppressionWithoutReason(FileRule):
    code = "CNN913"
    name = "suppression-without-reason"
    severity = "warning"
    what = "A comment that silences a rule without saying why."
    why = "Whoever reads the spec next cannot tell a decision from a shortcut."
    do = "Write the reason behind the bracket."
    good = (GOOD, GOOD + "schedule: step  # cnnwiz: ignore[CNN301] as published\n")
    bad = (GOOD + "schedule: step  # cnnwiz: ignore[CNN301]\n",)


SUPPRESSION: tuple[Rule, ...] = (UnusedSuppression(), SuppressionWithoutReason())


@dataclass
class _Ignore:
    """One word in the brackets of a comment."""

    word: str
    span: Span
    line: int | None
    """The line it is about; None for the whole file."""
    comment: Span | None
    """The comment, where this is its only word."""
    reason: str
    used: list[Finding] = field(default_factory=list)


def suppressed(document: Document, findings: Iterable[Finding], rules: Sequence[Rule]) -> Iterator[Finding]:
    """The findings that no comment silences, and those about the comments themselves."""
    ignores = list(_ignores(document))
    for finding in findings:
        match = next((i for i in ignores if _matches(i, finding)), None)
        if match is None or _lasting(finding):
            yield finding
        else:
            match.used.append(finding)
    names = [word for rule in rules for word in (rule.code, rule.name)]
    for ignore in ignores:
        if not ignore.used:
            removal = Edit(ignore.comment.start, ignore.comment.end, "") if ignore.comment else None
            fix = Fix("safe", "remove the comment", (removal,)) if removal else None
            yield replace(_about(UnusedSuppression(), ignore, _unused(ignore, names)), fix=fix)
        if not ignore.reason:
            yield _about(
                SuppressionWithoutReason(), ignore, f"why is {ignore.word} ignored? write the reason behind the bracket"
            )


def _lasting(finding: Finding) -> bool:
    return finding.severity == "error" and (finding.code.startswith("CNN9") or finding.code in LASTING)


def _matches(ignore: _Ignore, finding: Finding) -> bool:
    return ignore.word in (finding.code, finding.name) and ignore.line in (None, finding.span.line)


def _unused(ignore: _Ignore, names: list[str]) -> str:
    if ignore.word in names:
        return f"{ignore.word} finds nothing here that could be ignored; remove it"
    close = get_close_matches(ignore.word[:100], names, n=1, cutoff=0.5)
    return f"no rule is called {ignore.word!r}" + (f"; did you mean {close[0]}?" if close else "")


def _about(rule: Rule, ignore: _Ignore, message: str) -> Finding:
    return Finding(rule.code, rule.name, rule.severity, message, (), ignore.span)


def _ignores(document: Document) -> Iterator[_Ignore]:
    """The words in the brackets of all comments; what looks like a comment inside a text is none."""
    if document.root is None:
        return
    starts, ends = zip(*sorted(_texts(document.root)), strict=True)
    for comment in _COMMENT.finditer(document.text):
        before = bisect_right(starts, comment.start()) - 1
        if before >= 0 and comment.start() < ends[before]:
            continue
        line = None if comment[1] == "ignore-file" else _line(document.text, comment.start())
        words = list(re.finditer(r"[^,\s]+", comment[2]))
        for word in words:
            span = _span(document.text, comment.start(2) + word.start(), comment.start(2) + word.end())
            whole = _whole(document.text, comment.start(), comment.end()) if len(words) == 1 else None
            yield _Ignore(word[0], span, line, whole, comment[3].strip())


def _texts(node: Node) -> Iterator[tuple[int, int]]:
    """(start, end) of every key and scalar."""
    if node.kind == "scalar":
        yield node.span.start, node.span.end
        return
    yield from ((span.start, span.end) for span in node.keys.values())
    for child in node.value.values() if node.kind == "mapping" else node.value:
        yield from _texts(child)


def _line(text: str, comment: int) -> int:
    """The line a comment is about: its own, or the next one with content if it stands alone."""
    line = text.count("\n", 0, comment) + 1
    if text[text.rfind("\n", 0, comment) + 1 : comment].strip():
        return line
    for number, content in enumerate(text.split("\n")[line:], line + 1):
        if content.strip() and not content.lstrip().startswith("#"):
            return number
    return line


def _whole(text: str, start: int, end: int) -> Span:
    """A comment with the blanks before it, and with its line where nothing else is on it."""
    begin = text.rfind("\n", 0, start) + 1
    if text[begin:start].strip():
        return _span(text, begin + len(text[begin:start].rstrip()), end)
    rest = re.compile(r"\r?\n?").match(text, end)
    return _span(text, begin, rest.end() if rest else end)


def _span(text: str, start: int, end: int) -> Span:
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    return Span(start, end, line, column, line, column + end - start)
