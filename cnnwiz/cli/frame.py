"""A finding as people read it: what, where, the line with a caret under the token. Pure text in, pure text out."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator

from cnnwiz.amounts import count
from cnnwiz.cli.plain import visible
from cnnwiz.spec import Document, Finding, Fix

TAB = 4  # columns to a tab stop
WIDTH = 100  # columns of messages and source lines; the same in a pipe and on any terminal
BEFORE = 2  # lines of context above the finding
MOST = 4  # lines of a repair that are shown
Paint = Callable[[str, str], str]
"""paint(text, style) with a style of red, yellow, blue or green."""


def plainly(text: str, style: str) -> str:
    """Paint nothing."""
    return text


def headline(finding: Finding, paint: Paint = plainly) -> str:
    """error[CNN905] number-as-text: message, wrapped."""
    label = f"{finding.severity}[{finding.code}]"
    text = visible(f"{label} {finding.name}: {finding.message}").replace("\n", " ")
    lines = textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False) or [text]
    lines[0] = paint(label, tone(finding)) + lines[0][len(label) :]
    return "\n".join(lines)


def frame(finding: Finding, document: Document, paint: Paint = plainly) -> str:
    """The headline, the place, the line in question under up to two before it, and where the reasons are."""
    span = finding.span
    start, line = line_at(document.text, span.start)
    shown = [(span.line, line)]
    above = start
    for number in range(span.line - 1, max(0, span.line - 1 - BEFORE), -1):
        if above == 0:
            break
        above, text = line_at(document.text, above - 1)
        shown.insert(0, (number, text))
    gutter = len(str(span.line))
    bar = paint("|", "blue")
    parts = [headline(finding, paint), f"{' ' * gutter}{paint('-->', 'blue')} {_place(finding, document)}"]
    if document.text:
        offset, marker = underline(line, span.start - start, min(span.end - start, len(line)))
        parts.append(f"{' ' * gutter} {bar}")
        parts += [
            f"{paint(f'{number:>{gutter}}', 'blue')} {bar} {_cut(display(text), offset)}".rstrip()
            for number, text in shown
        ]
        parts.append(f"{' ' * gutter} {bar} {paint(_cut(marker, offset), tone(finding))}")
    if finding.fix:
        parts.append(f"{' ' * gutter} {paint('=', 'blue')} help: {visible(finding.fix.message)}{_safety(finding.fix)}")
        parts += [f"{' ' * gutter} {bar}   {paint(text, style)}" for text, style in _change(finding.fix, document.text)]
    parts.append(f"{' ' * gutter} {paint('=', 'blue')} why: cnnwiz explain {finding.code}{_measured(finding)}")
    return "\n".join(parts)


def _safety(fix: Fix) -> str:
    """What has to be said for the repair to be made."""
    ways = {"safe": " (--fix)", "unsafe": " (--fix --unsafe-fixes)", "suggestion": ""}
    return ways[fix.safety] if fix.edits else ""


def _measured(finding: Finding) -> str:
    number = len(finding.evidence)
    return f" ({count(number, 'measurement')})" if number else ""


def _change(fix: Fix, text: str) -> Iterator[tuple[str, str]]:
    """(line, style) of what a repair takes away and puts there, where that is at most MOST lines."""
    if not fix.edits:
        return
    first, last = min(edit.start for edit in fix.edits), max(edit.end for edit in fix.edits)
    begin, end = line_at(text, first)[0], text.find("\n", last)
    end = len(text) if end < 0 else end
    after = text[:end]
    for edit in sorted(fix.edits, key=lambda edit: edit.start, reverse=True):
        after = after[: edit.start] + edit.text + after[edit.end :]
    before, now = text[begin:end].splitlines(), after[begin:].splitlines()
    while before and now and before[-1] == now[-1]:
        before, now = before[:-1], now[:-1]
    if max(len(before), len(now)) <= MOST:
        yield from ((_cut(display(f"- {line}"), first - begin), "red") for line in before)
        yield from ((_cut(display(f"+ {line}"), first - begin), "green") for line in now)


def concise(finding: Finding, document: Document) -> str:
    """file:line:column: severity CODE name: message, in one line; [*] and [u] where there is a repair."""
    mark = {"safe": " [*]", "unsafe": " [u]"}[finding.fix.safety] if finding.fix and finding.fix.edits else ""
    text = f"{_place(finding, document)}: {finding.severity} {finding.code} {finding.name}: {finding.message}{mark}"
    return visible(text).replace("\n", " ")


def repair_note(finding: Finding, document: Document) -> str:
    """file:line:column: CODE name: what was done about it."""
    done = finding.fix.message if finding.fix else "left alone"
    return visible(f"{_place(finding, document)}: {finding.code} {finding.name}: {done}")


def tone(finding: Finding) -> str:
    """The colour of a severity."""
    return {"error": "red", "warning": "yellow", "info": "blue"}[finding.severity]


def line_at(text: str, index: int) -> tuple[int, str]:
    """Where the line around `index` begins, and the line without its end (LF, CRLF or CR)."""
    index = min(index, len(text))
    if index > 0 and text[index - 1 : index + 1] == "\r\n":
        index -= 1
    start = max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
    found = re.compile(r"[^\r\n]*").match(text, start)
    return start, found[0] if found else ""


def display(line: str) -> str:
    """A line as it is shown: tabs as spaces, control characters as escapes."""
    shown = ""
    for char in line:
        shown += " " * (TAB - columns(shown) % TAB) if char == "\t" else visible(char)
    return shown


def underline(line: str, start: int, end: int) -> tuple[int, str]:
    """(column, marker) of line[start:end] as displayed: spaces up to the token and carets below it, at least one."""
    column = columns(display(line[:start]))
    width = columns(display(line[:end])) - column
    return column, " " * column + "^" * max(width, 1)


def columns(text: str) -> int:
    """Cells that a terminal gives to a text: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if _combines(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _combines(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me", "Cf")


def _place(finding: Finding, document: Document) -> str:
    return visible(f"{document.name}:{finding.span.line}:{finding.span.column}").replace("\n", "\\n")


def _cut(text: str, column: int) -> str:
    """The part of a line that is shown; all lines of a frame are cut at the same cells, as the carets are."""
    first = column - WIDTH // 2 if column > WIDTH * 3 // 4 else 0
    if not first and columns(text) <= WIDTH:
        return text
    cells, kept = 0, ""
    for char in text:
        width = columns(char)
        if first <= cells and cells + width <= first + WIDTH:
            kept += char
        elif cells < first < cells + width:
            kept += " "  # half of a wide character: what stands behind it must not move
        cells += width
    return kept
