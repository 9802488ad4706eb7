"""Repairs as edits of the text: everything that is not wrong stays as it is, comments included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from cnnwiz.spec import Document, Edit, Finding, Fix, parse_text
from cnnwiz.spec.finding import Path

Look = Callable[[Document], list[Finding]]
"""What says which findings a document has: `check`, or a part of what it finds."""
ROUNDS = 20  # a repair may make another one possible; more rounds than this mean that repairs undo each other


def swap(document: Document | None, path: Path, text: str) -> Fix | None:
    """Write `text` in place of the single value at `path`; None where there is none to replace.

    The path of a choice ends in its word (schedule.step), which is itself the value where it has no parameters.
    """
    if document is None or document.root is None:
        return None
    node, above = document.root.get(path), document.root.get(path[:-1])
    if node is None and above is not None and above.text == path[-1]:
        node = above
    if node is None or node.kind != "scalar":
        return None
    edit = Edit(node.span.start, node.span.end, text)
    return Fix("unsafe", f"write {text} in place of {node.text}", (edit,))


def with_repair(finding: Finding, document: Document) -> Finding:
    """A finding of the reader together with its repair, where there is a sure one."""
    if finding.code == "CNN905":
        return finding._replace(fix=_number(finding, document))
    if finding.code == "CNN904":
        return finding._replace(fix=_same_again(finding, document))
    return finding


def _number(finding: Finding, document: Document) -> Fix:
    """The same number, as every reader takes it for one."""
    from cnnwiz.spec.write import scalar  # only files with such numbers pay for it

    span = finding.span
    value = scalar(float(document.text[span.start : span.end]))
    return Fix("safe", f"write {value}", (Edit(span.start, span.end, value),))


def _same_again(finding: Finding, document: Document) -> Fix | None:
    """Remove a key that is repeated with the same value, where it has a line of its own."""
    text, span = document.text, finding.span
    first = document.root.get(finding.path) if document.root else None
    begin = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end) + 1
    if first is None or not end or text[begin : span.start].strip():
        return None
    value = re.fullmatch(r"\s*:\s*(.*?)\s*", text[span.end : end])
    indent = re.compile(r"(?:[ \t]*\r?\n)*( *)").match(text, end)
    continues = indent is not None and indent.end() < len(text) and len(indent[1]) > span.start - begin
    if value is None or continues or value[1] != text[first.span.start : first.span.end]:
        return None
    return Fix("safe", "remove the repetition", (Edit(begin, end, ""),))


class Repaired(NamedTuple):
    """A document after its repairs."""

    document: Document
    applied: tuple[Finding, ...] = ()
    refused: tuple[tuple[Finding, str], ...] = ()
    """Those whose repair was not made, and why: a bug in a rule, or two rules that contradict each other."""


def repaired(document: Document, look: Look, unsafe: bool) -> Repaired:
    """All safe (and unsafe) repairs of what `look` finds, until it finds nothing more to repair.

    `look` is called for the document and for what becomes of it. Where edits overlap, the first in the text goes first.
    Safe repairs that would change the spec are refused, and any after which the file has more errors.
    """
    applied: list[Finding] = []
    refused: list[tuple[Finding, str]] = []
    state = _State(document, look(document))
    for _ in range(ROUNDS):
        safe, unsafes = _due(state.findings, refused)
        chosen = safe or (unsafes if unsafe else [])
        if not chosen:
            break
        state, good, bad = _made(state, chosen, look)
        applied += good
        refused += bad
    return Repaired(state.document, tuple(applied), tuple(refused))


class _State(NamedTuple):
    """A document and what is found in it."""

    document: Document
    findings: list[Finding]

    def after(self, repairs: Iterable[Finding], look: Look) -> _State:
        edits = [edit for finding in repairs if finding.fix for edit in finding.fix.edits]
        document = parse_text(edited(self.document.text, edits), self.document.name)
        return _State(document, look(document))

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)


def _due(findings: Iterable[Finding], refused: list[tuple[Finding, str]]) -> tuple[list[Finding], list[Finding]]:
    """The findings with a safe repair, and those with an unsafe one, whose turn it is; not those refused before."""
    known = {(f.code, f.path, f.message) for f, _ in refused}
    due = [f for f in findings if f.fix and f.fix.edits and (f.code, f.path, f.message) not in known]
    safe = [f for f in due if f.fix and f.fix.safety == "safe"]
    return _apart(safe), _apart([f for f in due if f.fix and f.fix.safety == "unsafe"])


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A text after edits that do not overlap."""
    parts, end = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [text[end : edit.start], edit.text]
        end = edit.end
    return "".join([*parts, text[end:]])


def _apart(findings: Iterable[Finding]) -> list[Finding]:
    """Findings whose edits do not touch those of one before; the others get their turn in the next round."""
    chosen, end = [], -1
    for finding in sorted(findings, key=_extent):
        start, last = _extent(finding)
        if start > end:
            chosen.append(finding)
            end = last
    return chosen


def _extent(finding: Finding) -> tuple[int, int]:
    edits = finding.fix.edits if finding.fix else ()
    return min(edit.start for edit in edits), max(edit.end for edit in edits)


def _made(
    state: _State, findings: list[Finding], look: Look
) -> tuple[_State, list[Finding], list[tuple[Finding, str]]]:
    """The state after the repairs that go together, the findings they belong to, and the others with the reason."""
    good: list[Finding] = []
    bad: list[tuple[Finding, str]] = []
    before, waiting = state, [findings]
    while waiting:
        part = waiting.pop()
        after = state.after([*good, *part], look)
        reason = _reason(before, after, part, _replaced(state.document, part, [*good, *part]))
        if not reason:
            good, before = [*good, *part], after
        elif len(part) == 1:
            bad.append((part[0], reason))
        else:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return before, good, bad


def _reason(before: _State, after: _State, repairs: list[Finding], gone: set[tuple[int, str]]) -> str:
    """Why repairs must not be made, empty where they may; `gone`: what they took away, and where in the new text."""
    was, now = before.document, after.document
    if (was.root and not now.root) or (was.spec and not now.spec):
        return "the file would no longer be readable"
    if all(f.fix and f.fix.safety == "safe" for f in repairs) and was.spec and now.spec != was.spec:
        return "it would change what is trained"
    if after.errors > before.errors:
        return "the file would have more errors"
    back = next((f for f in after.findings if f.fix and any((e.start, e.text) in gone for e in f.fix.edits)), None)
    return f"{back.code} {back.name} would undo it" if back else ""


def _replaced(document: Document, repairs: list[Finding], made: list[Finding]) -> set[tuple[int, str]]:
    """(start, text) of what `repairs` replace, with the place where it stood in the text in which `made` are made."""
    asked = {edit for finding in repairs if finding.fix for edit in finding.fix.edits}
    edits = [edit for finding in made if finding.fix for edit in finding.fix.edits]
    found, moved = set(), 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit in asked:
            found.add((edit.start + moved, document.text[edit.start : edit.end]))
        moved += len(edit.text) - (edit.end - edit.start)
    return found
