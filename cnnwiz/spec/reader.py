"""Text to a tree of nodes with positions, by strict rules. Knows YAML, does not know what a spec contains."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import yaml

from cnnwiz.spec.finding import Finding, Path, Severity, Span, show_path

MAX_BYTES = 1 << 20
MAX_ENTRIES = 20_000
MAX_DEPTH = 32  # the deepest published network needs 19: a branch inside a branch inside a repeated residual body
MAX_TEXT = 10_000
MAX_KEY = 100

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_YAML11_FLOAT = re.compile(r"([-+]?[0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
_SPECIAL = {".nan": math.nan, ".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf}
_AMBIGUOUS = {"yes", "no", "on", "off", "y", "n"}
# Besides control characters: lone surrogates, and line ends that YAML counts and other programs do not.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\r(?!\n)")

NAMES = {
    "CNN901": "yaml-syntax",
    "CNN904": "duplicate-key",
    "CNN905": "number-as-text",
    "CNN906": "ambiguous-word",
    "CNN907": "forbidden-yaml",
    "CNN908": "document-too-large",
}


@dataclass
class Node:
    """A value of the document and where it stands. `value`: a scalar, a list of nodes, or a dict of key to node."""

    kind: Literal["scalar", "list", "mapping"]
    span: Span
    value: Any = None
    text: str = ""
    keys: dict[str, Span] = field(default_factory=dict)

    def get(self, path: Path) -> Node | None:
        """The node at this path below, None where there is none."""
        node: Node | None = self
        for part in path:
            if node is None or node.kind == "scalar":
                return None
            found = node.value.get(part) if node.kind == "mapping" else None
            if node.kind == "list" and isinstance(part, int) and part < len(node.value):
                found = node.value[part]
            node = found
        return node

    def data(self) -> Any:
        """The plain value: dicts, tuples, scalars."""
        if self.kind == "mapping":
            return {key: node.data() for key, node in self.value.items()}
        if self.kind == "list":
            return tuple(node.data() for node in self.value)
        return self.value


class Unreadable(Exception):
    """The text cannot be turned into a tree; `finding` says why and where."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def read(text: str) -> tuple[Node, list[Finding]]:
    """The tree of a document that holds one mapping, and the findings that do not stop reading.

    Raises Unreadable for broken YAML and for what the strict rules forbid: tags, anchors, aliases, merge keys,
    several documents, control characters, and for what is larger than a spec can be (the MAX_ constants).
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        _stop("CNN908", f"the file is larger than {MAX_BYTES >> 20} MiB; a spec is a page", Span(0, 0, 1, 1, 1, 1))
    bad = _CONTROL.search(text)
    if bad:
        _stop("CNN901", f"control character U+{ord(bad[0]):04X}; remove it", _at(text, bad.start()))
    reader = _Reader()
    try:
        root = reader.document(_events(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = _at(text, mark.index) if mark else Span(0, 0, 1, 1, 1, 1)
        problem = f"{error.problem} {error.context or ''}".strip()
        if text[span.start : span.end] == "\t":
            problem = "a tab in the indentation; use spaces"
        raise Unreadable(_finding("CNN901", "error", problem, (), span)) from None
    except yaml.YAMLError as error:
        raise Unreadable(
            _finding("CNN901", "error", " ".join(str(error).split()), (), Span(0, 0, 1, 1, 1, 1))
        ) from None
    return root, reader.findings


def _events(text: str) -> Iterator[yaml.Event]:
    # libyaml's parser (not its composer) does not recurse, so nesting is counted here before it can hurt.
    return yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class _Reader:
    """One pass over the parser's events; holds the count of entries and the findings so far."""

    def __init__(self) -> None:
        self.entries = 0
        self.findings: list[Finding] = []

    def document(self, events: Iterator[yaml.Event]) -> Node:
        root = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version or event.tags:
                    _stop("CNN907", "directives (%) are not allowed; remove the line", _at("", 0))
                if root is not None:
                    _stop("CNN907", "a second document begins here; the file must hold one mapping", _span(event))
                root = self.node(next(events), events, (), 1)
        if root is None or root.kind != "mapping":
            _stop("CNN901", "the file must hold one mapping (key: value lines)", root.span if root else _at("", 0))
        return root

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path, depth: int) -> Node:
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            _stop("CNN908", f"more than {MAX_ENTRIES:,} values", _span(event))
        if depth > MAX_DEPTH:
            _stop("CNN908", f"nested deeper than {MAX_DEPTH}", _span(event))
        _forbid(event)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, events, path, depth)
        return self.mapping(event, events, path, depth)

    def sequence(self, start: yaml.Event, events: Iterator[yaml.Event], path: Path, depth: int) -> Node:
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.node(event, events, (*path, len(items)), depth + 1))
        return Node("list", _join(_span(start), items, _span(event)), items)

    def mapping(self, start: yaml.Event, events: Iterator[yaml.Event], path: Path, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            _forbid(event)
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if key is None:
                _stop("CNN901", "a key must be a word, not a list or mapping", _span(event))
            if len(key) > MAX_KEY:
                _stop("CNN908", f"a key of more than {MAX_KEY} characters", _span(event))
            if key == "<<":
                _stop("CNN907", "merge keys (<<) are not allowed; write the keys out", _span(event))
            node = self.node(next(events), events, (*path, key), depth + 1)
            if key in keys:
                first = keys[key]
                message = f"{show_path((*path, key))!r} was given before, at line {first.line}; keep one"
                self.findings.append(_finding("CNN904", "error", message, (*path, key), _span(event)))
                continue
            keys[key], values[key] = _span(event), node
        return Node("mapping", _join(_span(start), list(values.values()), _span(event)), values, keys=keys)

    def scalar(self, event: yaml.ScalarEvent, path: Path) -> Node:
        text, span = event.value, _span(event)
        if len(text) > MAX_TEXT:
            _stop("CNN908", f"a text of more than {MAX_TEXT:,} characters", span)
        if bad := _CONTROL.search(text):
            _stop("CNN901", f"control character U+{ord(bad[0]):04X}, written as an escape; remove it", span)
        if event.style not in (None, ""):
            return Node("scalar", span, text, text)
        if text.lower() in _AMBIGUOUS:
            message = f"{text!r} is ambiguous: write true or false, or quote it if it is a text"
            self.findings.append(_finding("CNN906", "error", message, path, span))
        value = _resolve(text)
        if isinstance(value, float) and math.isfinite(value) and not _YAML11_FLOAT.fullmatch(text):
            message = f"{text} is read as the number {value!r} here, but as a text by YAML 1.1 readers"
            self.findings.append(_finding("CNN905", "warning", message, path, span))
        return Node("scalar", span, value, text)


def _resolve(text: str) -> Any:
    """A plain scalar by YAML 1.2's core rules, but for octal numbers: none changes its type by surprise."""
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        # Python refuses to convert very long digit strings; as an infinite float they fail every range check.
        return int(text) if len(text) <= 300 else math.inf
    if _FLOAT.fullmatch(text) and not re.fullmatch(r"[-+]?0[0-9]+", text):
        return float(text)
    return _SPECIAL.get(text.lower(), text)


def _forbid(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        _stop("CNN907", "anchors and aliases (& and *) are not allowed; write the value out", _span(event))
    if getattr(event, "tag", None):
        _stop("CNN907", "tags (!) are not allowed; write a plain value", _span(event))


def _span(event: yaml.Event) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.index, end.index, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _join(start: Span, items: list[Node], end: Span) -> Span:
    """From the start of a collection to the end of its last item, or to its closing bracket when written in one."""
    last = items[-1].span if items and end.start == end.end else end
    return Span(start.start, last.end, start.line, start.column, last.end_line, last.end_column)


def _at(text: str, index: int) -> Span:
    index = min(index, len(text))
    end = min(index + 1, len(text))  # the parser also complains about what is missing behind the last character
    line = text.count("\n", 0, index) + 1
    column = index - (text.rfind("\n", 0, index) + 1) + 1
    return Span(index, end, line, column, line, column + end - index)


def _finding(code: str, severity: Severity, message: str, path: Path, span: Span) -> Finding:
    return Finding(code, NAMES[code], severity, message, path, span)


def _stop(code: str, message: str, span: Span) -> NoReturn:
    raise Unreadable(_finding(code, "error", message, (), span))
