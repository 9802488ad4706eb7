"""New values written into the text of a spec: what does not change stays as it is, comments and layout included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cnnwiz.catalog.choice import Choice, Part, plain
from cnnwiz.spec import Document, Edit, Spec, parse_text
from cnnwiz.spec.fields import shape_of
from cnnwiz.spec.finding import Path, show_path
from cnnwiz.spec.reader import Node
from cnnwiz.spec.write import flow, write


class Amended(NamedTuple):
    """The new text, and what a person should look at: comments that went, or that may no longer fit."""

    text: str
    notes: tuple[str, ...]


def amend(document: Document, spec: Spec, reasons: Mapping[Path, str]) -> Amended:
    """The document saying `spec`, changed where it has to be; `reasons` are the comments of what changes.

    Where that is not possible the whole text is written anew, and a note says so.
    """
    assert document.root is not None, "only documents that can be read are amended"
    assert document.spec is not None, "only documents that are right are amended"
    if document.spec == spec:
        return Amended(document.text, ())
    changes = _Changes(document.text, parse_text(write(spec)), reasons)
    changes.mapping(document.root, plain(document.spec), plain(spec), ())
    text = changes.applied()
    if parse_text(text).spec != spec:
        return Amended(write(spec, reasons), ("Not kept: comments and layout, for the text was written anew.",))
    return Amended(text, tuple(changes.notes))


class _Changes:
    """Edits of a text, collected while two trees are compared; `written` is how the new one would be written anew."""

    def __init__(self, text: str, written: Document, reasons: Mapping[Path, str]) -> None:
        self.text, self.written, self.reasons = text, written, reasons
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.edits: list[Edit] = []
        self.notes: list[str] = []

    def mapping(self, node: Node, old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> None:
        """The differences of two mappings, written at `node`: keys that go, that change, that come."""
        for key, child in node.value.items():
            place = (*path, key)
            before, after = old.get(key), new.get(key)
            if key in new and before != after:
                self._change(node, child, before, after, place)
            elif key in old and key not in new:
                self._remove(node, child, place)
        for key in new:
            if key not in node.value:
                self._add(node, new[key], (*path, key))

    def applied(self) -> str:
        """The text after all edits."""
        text = self.text
        # From the end, so that offsets stay valid; of two at one place the inner one, found first, comes first.
        for edit in sorted(self.edits, key=lambda edit: (edit.start, edit.end))[::-1]:
            text = text[: edit.start] + edit.text.replace("\n", self.newline) + text[edit.end :]
        return text

    def _change(self, parent: Node, child: Node, before: Any, after: Any, place: Path) -> None:
        both = isinstance(before, dict) and isinstance(after, dict)
        if child.kind == "mapping" and both and (place in SECTIONS or set(before) & set(after)):
            self.mapping(child, before, after, place)
            return
        start, end = self.text.index(":", parent.keys[str(place[-1])].end) + 1, self._end(child)
        if "#" in self.text[start:end]:
            self.notes.append(f"Not kept: comments inside {show_path(place)}.")
        self.edits.append(Edit(start, end, self._value(parent, after, place)))
        self._comment(end, place)

    def _comment(self, end: int, place: Path) -> None:
        """A reason behind the changed value in place of the old comment; without a reason the comment is named."""
        line_end = self._line_end(end)
        rest = self.text[end:line_end]
        mark = rest.find("#")
        if mark < 0 or rest[:mark].strip(" }],"):
            return
        if reason := self.reasons.get(place):
            self.edits.append(Edit(end + mark, line_end, f"# {reason}"))
        else:
            self.notes.append(f"Look again: the comment behind {show_path(place)} may no longer fit.")

    def _remove(self, parent: Node, child: Node, place: Path) -> None:
        start, end = parent.keys[str(place[-1])].start, self._end(child)
        if self._is_flow(parent):
            before, after = self.text.rfind(",", parent.span.start, start), self.text.find(",", end, parent.span.end)
            start, end = (before, end) if before >= 0 else (start, after + 1 if after >= 0 else end)
        else:
            start, end = (
                self.text.rfind("\n", 0, start) + 1,
                min(self._line_end(end) + len(self.newline), len(self.text)),
            )
        if "#" in self.text[start:end]:
            self.notes.append(f"Not kept: the comment of {show_path(place)}, which is gone.")
        self.edits.append(Edit(start, end, ""))

    def _add(self, parent: Node, value: Any, place: Path) -> None:
        entry = f"{place[-1]}:{self._value(parent, value, place)}"
        if self._is_flow(parent):
            inside = parent.span.end - 1
            self.edits.append(Edit(inside, inside, f", {entry}" if parent.value else entry))
            return
        end = self._line_end(self._end(list(parent.value.values())[-1]))
        indent = " " * (next(iter(parent.keys.values())).column - 1)
        reason = self.reasons.get(place) if "\n" not in entry else None
        self.edits.append(Edit(end, end, f"\n{indent}{entry}" + (f"  # {reason}" if reason else "")))

    def _value(self, parent: Node, value: Any, place: Path) -> str:
        """A value as it stands behind the colon: on one line in flow style, else as the whole text would have it."""
        node, above = (self.written.root.get(path) if self.written.root else None for path in (place, place[:-1]))
        if self._is_flow(parent) or node is None or above is None or str(place[-1]) not in above.keys:
            return f" {flow(value)}"
        text = self.written.text
        key = above.keys[str(place[-1])]
        lines = text[key.end + 1 : node.span.start + len(text[node.span.start : node.span.end].rstrip())].split("\n")
        shift = next(iter(parent.keys.values())).column - key.column
        return "\n".join([lines[0], *(" " * shift + line if shift > 0 else line[-shift:] for line in lines[1:])])

    def _is_flow(self, node: Node) -> bool:
        return self.text[node.span.start : node.span.start + 1] == "{"

    def _end(self, node: Node) -> int:
        """Where a value ends; block values without the blanks and line ends behind them."""
        return node.span.start + len(self.text[node.span.start : node.span.end].rstrip())

    def _line_end(self, place: int) -> int:
        """Where a line ends, in front of what ends it."""
        end = self.text.find(self.newline, place)
        return len(self.text) if end < 0 else end


def _sections(part: type[Part], path: Path = ()) -> Iterator[Path]:
    """The mappings with fixed keys."""
    for name, field in part.model_fields.items():
        inner = shape_of(field.annotation).part
        if inner and not issubclass(inner, Choice):
            yield (*path, name)
            yield from _sections(inner, (*path, name))


SECTIONS = frozenset(_sections(Spec))
