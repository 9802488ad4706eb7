"""Repairs as edits of the text: everything that is not wrong stays as it is, comments included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cnnwiz.spec import Document, Edit, Finding, Fix, parse_text
from cnnwiz.spec.finding import Path


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
    if finding.code != "CNN905":
        return finding
    from cnnwiz.spec.write import scalar  # only files with such numbers pay for it

    span = finding.span
    value = scalar(float(document.text[span.start : span.end]))
    return replace(finding, fix=Fix("safe", f"write {value}", (Edit(span.start, span.end, value),)))


def repaired(document: Document, findings: Iterable[Finding], unsafe: bool) -> tuple[str, list[Finding]]:
    """The text after all safe (and unsafe) repairs, and the findings they belong to.

    Where two overlap the first in the text is applied. A repair after which the text no longer says a spec, although
    it did before, is left out.
    """
    wanted = ("safe", "unsafe") if unsafe else ("safe",)
    chosen = [f for f in findings if f.fix and f.fix.edits and f.fix.safety in wanted]
    text, applied, free = document.text, [], len(document.text) + 1
    for finding in sorted(chosen, key=lambda f: f.span.start, reverse=True):  # from the end, so that offsets stay valid
        assert finding.fix is not None
        edits = sorted(finding.fix.edits, key=lambda edit: edit.start, reverse=True)
        if edits[0].end > free:
            continue
        edited = text
        for edit in edits:
            edited = edited[: edit.start] + edit.text + edited[edit.end :]
        if document.spec is not None and parse_text(edited).spec is None:
            continue
        text, free = edited, edits[-1].start
        applied.append(finding)
    return text, applied[::-1]
