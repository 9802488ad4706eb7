"""Comments that silence a finding: `# cnnwiz: ignore[CODE] reason`, on its line, on the line above, or for the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

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


class Silenced(NamedTuple):
    """A finding that a comment silences, with the reason the comment gives."""

    finding: Finding
    reason: str


class _Ignore(NamedTuple):
    """One word in the brackets of a comment: a code, a name, or the beginning of codes (CNN2)."""

    word: str
    span: Span
    line: int | None
    """The line it is about; None for the whole file."""
    removal: tuple[int, int]
    """Start and end of what to remove with it: the comment, where this is its only word."""
    alone: bool
    """Whether it is the comment's only word."""
    reason: str

    def silences(self, finding: Finding) -> bool:
        if self.line not in (None, finding.span.line) or lasting(finding):
            return False
        begins = is_family(self.word) and finding.code.startswith(self.word)
        return begins or self.word in (finding.code, finding.name)


def divided(
    document: Document, findings: Iterable[Finding], rules: Sequence[Rule]
) -> tuple[list[Finding], list[Silenced]]:
    """The findings that stay, with those about the comments themselves, and the findings that comments silence."""
    found, ignores = list(findings), sorted(_ignores(document), key=lambda ignore: ignore.line is None)
    if not ignores:
        return found, []
    stay, silenced, used = [], [], set()
    for finding in found:
        match = next((ignore for ignore in ignores if ignore.silences(finding)), None)
        if match is None:
            stay.append(finding)
        else:
            used.add(match)
            silenced.append(Silenced(finding, match.reason))
    return stay + [about for ignore in ignores for about in _about(ignore, ignore in used, stay, rules)], silenced


def lasting(finding: Finding) -> bool:
    """Whether nothing can silence it: there is no network to train."""
    return finding.severity == "error" and (finding.code.startswith("CNN9") or finding.code in LASTING)


def is_family(word: str) -> bool:
    """Whether a word is the beginning of codes: CNN2."""
    return re.fullmatch(r"CNN[0-9]{1,2}", word) is not None


def _about(ignore: _Ignore, used: bool, stay: list[Finding], rules: Sequence[Rule]) -> Iterator[Finding]:
    """What is wrong with a comment itself."""
    codes = [] if used else [rule.code for rule in rules if _names(ignore.word, rule)]
    # Where a spec cannot be used, only the rules on the file and the shapes have looked at it.
    silent = any(lasting(finding) for finding in stay) and not any(_always_runs(code) for code in codes)
    if not used and not (codes and silent):
        what = "the comment" if ignore.alone else f"{ignore.word} from the comment"
        fix = Fix("safe", f"remove {what}", (Edit(*ignore.removal, ""),))
        yield _finding(UnusedSuppression(), ignore, _unused(ignore, codes, stay, rules), fix)
    if not ignore.reason:
        message = f"why is {ignore.word} ignored? write the reason behind the bracket"
        yield _finding(SuppressionWithoutReason(), ignore, message)


def _names(word: str, rule: Rule) -> bool:
    return word in (rule.code, rule.name) or (is_family(word) and rule.code.startswith(word))


def _always_runs(code: str) -> bool:
    return code.startswith("CNN9") or code in LASTING


def _unused(ignore: _Ignore, codes: list[str], stay: list[Finding], rules: Sequence[Rule]) -> str:
    if not codes:
        from difflib import get_close_matches  # only mistakes pay for it

        names = [word for rule in rules for word in (rule.code, rule.name)]
        close = get_close_matches(ignore.word[:100], names, n=1, cutoff=0.5)
        return f"no rule is called {ignore.word!r}" + (f"; did you mean {close[0]}?" if close else "")
    others = sorted({f"{f.code} {f.name}" for f in stay if f.span.line == ignore.line and f.code not in codes})
    note = f"; what was found on its line is {', '.join(others)}" if others else ""
    return f"{ignore.word} finds nothing here that could be ignored; remove it{note}"


def _finding(rule: Rule, ignore: _Ignore, message: str, fix: Fix | None = None) -> Finding:
    return Finding(rule.code, rule.name, rule.severity, message, (), ignore.span, fix=fix)


def _ignores(document: Document) -> Iterator[_Ignore]:
    """The words in the brackets of all comments; what looks like a comment inside a text is none."""
    text = document.text
    if document.root is None or "ignore" not in text:
        return
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
        words = [
            (word[0], comment.start(2) + word.start(), comment.start(2) + word.end())
            for word in re.finditer(r"[^,\s]+", comment[2])
        ]
        for index, (word, start, end) in enumerate(words):
            span = Span(start, end, number, start - begin + 1, number, end - begin + 1)
            removal = _removal(words, index) or _whole(text, begin, comment.start(), comment.end())
            yield _Ignore(word, span, line, removal, len(words) == 1, comment[3].strip())


def _removal(words: list[tuple[str, int, int]], index: int) -> tuple[int, int] | None:
    """Start and end of a word in the brackets with the comma beside it; None where it is the only one."""
    if len(words) == 1:
        return None
    return (words[index][1], words[index + 1][1]) if index == 0 else (words[index - 1][2], words[index][2])


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
