"""Comments that silence a finding: `# cnnwiz: ignore[CODE] reason`, on its line, on the line above, or for the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class _Ignore:
    """One word in the brackets of a comment."""

    word: str
    span: Span
    line: int | None
    """The line it is about; None for the whole file."""
    comment: tuple[int, int] | None
    """Start and end of what to remove with the comment, where this is its only word."""
    reason: str


def suppressed(document: Document, findings: Iterable[Finding], rules: Sequence[Rule]) -> Iterator[Finding]:
    """The findings that no comment silences, and those about the comments themselves."""
    ignores = list(_ignores(document))
    by_place = {(ignore.word, ignore.line): ignore for ignore in reversed(ignores)}
    used = set()
    for finding in findings:
        places = [(word, line) for line in (finding.span.line, None) for word in (finding.code, finding.name)]
        match = next((by_place[place] for place in places if place in by_place), None)
        if match is None or _lasting(finding):
            yield finding
        else:
            used.add(match)
    names = [word for rule in rules for word in (rule.code, rule.name)]
    for ignore in ignores:
        if ignore not in used:
            fix = Fix("safe", "remove the comment", (Edit(*ignore.comment, ""),)) if ignore.comment else None
            yield replace(_about(UnusedSuppression(), ignore, _unused(ignore, names)), fix=fix)
        if not ignore.reason:
            message = f"why is {ignore.word} ignored? write the reason behind the bracket"
            yield _about(SuppressionWithoutReason(), ignore, message)


def _lasting(finding: Finding) -> bool:
    return finding.severity == "error" and (finding.code.startswith("CNN9") or finding.code in LASTING)


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
    text = document.text
    begins, ends = zip(*sorted(_texts(document.root)), strict=True)
    lines = [0, *(newline.end() for newline in re.finditer("\n", text))]
    following = _following(text.split("\n"))
    for comment in _COMMENT.finditer(text):
        before = bisect_right(begins, comment.start()) - 1
        if before >= 0 and comment.start() < ends[before]:
            continue
        number = bisect_right(lines, comment.start())
        begin = lines[number - 1]
        alone = not text[begin : comment.start()].strip()
        line = None if comment[1] == "ignore-file" else following[number - 1] if alone else number
        words = list(re.finditer(r"[^,\s]+", comment[2]))
        whole = _whole(text, begin, comment.start(), comment.end()) if len(words) == 1 else None
        for word in words:
            start, end = comment.start(2) + word.start(), comment.start(2) + word.end()
            span = Span(start, end, number, start - begin + 1, number, end - begin + 1)
            yield _Ignore(word[0], span, line, whole, comment[3].strip())


def _texts(node: Node) -> Iterator[tuple[int, int]]:
    """(start, end) of every key and scalar."""
    if node.kind == "scalar":
        yield node.span.start, node.span.end
        return
    yield from ((span.start, span.end) for span in node.keys.values())
    for child in node.value.values() if node.kind == "mapping" else node.value:
        yield from _texts(child)


def _following(lines: list[str]) -> list[int]:
    """For each line the number of the first one from there on that holds more than a comment."""
    found, number = [], len(lines)
    for index in reversed(range(len(lines))):
        content = lines[index].strip()
        if content and not content.startswith("#"):
            number = index + 1
        found.append(number)
    return found[::-1]


def _whole(text: str, begin: int, start: int, end: int) -> tuple[int, int]:
    """A comment with the blanks before it, and with its whole line, which begins at `begin`, where it stands alone."""
    if before := text[begin:start].rstrip():
        return begin + len(before), end
    newline = re.compile(r"\r?\n?").match(text, end)
    return begin, newline.end() if newline else end
