"""A tree of nodes to a Spec, or to all the reasons why not, each at its place."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from cnnwiz.catalog import Section
from cnnwiz.catalog.choice import Part
from cnnwiz.spec.document import FORMAT, Spec
from cnnwiz.spec.fields import Shape, shape_of
from cnnwiz.spec.finding import Edit, Finding, Fix, Path, Span, show_path
from cnnwiz.spec.reader import Node
from cnnwiz.spec.wording import expected, wrong_value

P = TypeVar("P", bound=Part)

NAMES = {
    "CNN902": "unknown-key",
    "CNN903": "wrong-value",
    "CNN909": "missing-key",
    "CNN910": "newer-format",
    "CNN911": "unknown-choice",
}


def parse(root: Node) -> tuple[Spec | None, list[Finding]]:
    """The spec a document describes. With findings of severity error there is none."""
    version = root.value.get("cnnwiz")
    if version is not None and type(version.value) is int and version.value > FORMAT:
        message = f"written for a newer cnnwiz (format {version.value}, this one reads {FORMAT}); upgrade cnnwiz"
        return None, [Finding("CNN910", NAMES["CNN910"], "error", message, ("cnnwiz",), version.span)]
    parser = _Parser()
    spec = parser.part(Spec, root, ())
    return (None if parser.findings else spec), parser.findings


class _Parser:
    """Collects findings while it descends, so that one reading reports every problem."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.wrong_paths: set[Path] = set()

    def report(self, code: str, message: str, path: Path, span: Span, write: str | None = None) -> None:
        """Note a finding; `write` is the word that was probably meant."""
        fix = Fix("unsafe", f"write {write}", (Edit(span.start, span.end, write),)) if write else None
        self.findings.append(Finding(code, NAMES[code], "error", message, path, span, fix=fix))

    def part(self, cls: type[P], node: Node, path: Path) -> P | None:
        """An instance of `cls` from a mapping; None when anything in it is wrong."""
        if node.kind != "mapping":
            keys = ", ".join(list(cls.model_fields)[:6])
            takes = f"takes keys ({keys})" if keys else "takes no parameters"
            self.report("CNN903", f"{_where(path)} {takes}, not {_called(node)}", path, node.span)
            return None
        before = len(self.findings)
        values: dict[str, Any] = {}
        for key, child in node.value.items():
            if key not in cls.model_fields:
                self.unknown_key(cls, key, node, path)
                continue
            shape = shape_of(cls.model_fields[key].annotation)
            if any(child.value == allowed and type(child.value) is not type(allowed) for allowed in shape.allowed):
                self.wrong(cls, key, child, (*path, key))  # to Python, and so to pydantic, 1, 1.0 and true are equal
                continue
            value = self.value(shape, child, (*path, key))
            if value is not None:
                values[key] = value
        return self.validated(cls, values, node, path, before)

    def validated(self, cls: type[P], values: dict[str, Any], node: Node, path: Path, before: int) -> P | None:
        """Let pydantic check types, limits and missing keys, and put what it finds at the right places."""
        try:
            instance = cls.model_validate(values)
        except ValidationError as error:
            # Keys that already have a finding are absent from `values`; pydantic must not call them missing.
            for problem in error.errors(include_url=False, include_input=False):
                if not problem["loc"]:  # keys that contradict each other
                    self.report(
                        "CNN903",
                        f"{_where(path)}: {problem.get('ctx', {}).get('error', problem['msg'])}",
                        path,
                        node.span,
                    )
                    continue
                key = str(problem["loc"][0])
                if key in node.value and key not in values:
                    continue
                if problem["type"] == "missing":
                    label = f"{cls.model_fields[key].description}; it takes {expected(cls, key)}"
                    self.report("CNN909", f"{_where((*path, key))} is missing: {label}", path, _start(node))
                    continue
                self.wrong(cls, key, node.value[key], (*path, key))
            return None
        return instance if len(self.findings) == before else None

    def wrong(self, cls: type[Part], key: str, node: Node, path: Path) -> None:
        """One finding per key, however many members of a union rejected the value."""
        if path not in self.wrong_paths:
            self.wrong_paths.add(path)
            self.report("CNN903", f"{_where(path)}: {wrong_value(cls, key, node)}", path, node.span)

    def value(self, shape: Shape, node: Node, path: Path) -> Any:
        """The value of one key; None when it has a finding."""
        if node.kind == "scalar" and node.value is None:
            self.report("CNN903", f"{_where(path)} has no value; give one or remove the key", path, node.span)
            return None
        if shape.kind == "choice" and shape.section:
            return self.choice(shape.section, node, path)
        if shape.kind == "part" and shape.part:
            return self.part(shape.part, node, path)
        if shape.kind == "list" and shape.item:
            return self.sequence(shape.item, node, path)
        return node.data()

    def sequence(self, item: Shape, node: Node, path: Path) -> tuple[Any, ...] | None:
        if node.kind != "list":
            self.report("CNN903", f"{_where(path)} takes a list (lines that begin with '-')", path, node.span)
            return None
        values = [self.value(item, child, (*path, index)) for index, child in enumerate(node.value)]
        return None if None in values else tuple(values)

    def choice(self, section: Section, node: Node, path: Path) -> Part | None:
        """A name, or a mapping from one name to its parameters."""
        if node.kind == "scalar" and isinstance(node.value, str):
            key, parameters, span = node.value, None, node.span
        elif node.kind == "mapping" and len(node.value) == 1:
            key, parameters = next(iter(node.value.items()))
            span = node.keys[key]
        else:
            message = f"{_where(path)} takes one name, or one name with its parameters, not {_called(node)}"
            self.report("CNN903", f"{message}; names: {_names(section)}", path, node.span)
            return None
        cls = next((choice for choice in section.choices if choice.key == key), None)
        if cls is None:
            self.unknown_choice(section, key, path, span)
            return None
        if parameters is None or (parameters.kind == "scalar" and parameters.value is None):
            parameters = Node("mapping", span, {})
        return self.part(cls, parameters, (*path, key))

    def unknown_key(self, cls: type[Part], key: str, node: Node, path: Path) -> None:
        fields = list(cls.model_fields)
        close = _close(key, fields)
        allowed = f"; keys: {', '.join(fields)}" if fields else "; it takes no parameters"
        message = f"{_where(path)} has no key {key!r}{_meant(close)}{allowed}"
        free = close if close not in node.value else None
        self.report("CNN902", message, (*path, key), node.keys[key], free)

    def unknown_choice(self, section: Section, key: str, path: Path, span: Span) -> None:
        names = [choice.key for choice in section.choices]
        close = _close(key, names)
        shown = repr(key if len(key) <= 40 else key[:37] + "...")
        message = f"{_where(path)}: no {section.name} is called {shown}{_meant(close)}; names: {_names(section)}"
        self.report("CNN911", message, path, span, close)


def _close(word: str, words: list[str]) -> str | None:
    """The known word that is nearest, if any is near."""
    close = get_close_matches(word[:100].lower().replace("-", "_"), words, n=1, cutoff=0.6)
    return close[0] if close else None


def _meant(close: str | None) -> str:
    return f"; did you mean {close!r}?" if close else ""


def _names(section: Section) -> str:
    return ", ".join(choice.key for choice in section.choices)


def _where(path: Path) -> str:
    return show_path(path) or "the spec"


def _called(node: Node) -> str:
    if node.kind == "scalar":
        return repr(node.value) if len(node.text) <= 40 else f"{node.text[:37]}..."
    return f"a {node.kind} of {len(node.value)}"


def _start(node: Node) -> Span:
    span = node.span
    return Span(span.start, span.start, span.line, span.column, span.line, span.column)
