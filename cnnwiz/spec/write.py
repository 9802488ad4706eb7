"""A spec as YAML text: in document order, sections in blocks, single layers on one line, reasons as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.catalog.layer import Layer
from cnnwiz.spec.document import Spec
from cnnwiz.spec.finding import Path

WIDTH = 100
"""Columns a line may take before its mapping or list is broken into several lines."""
COMMENT_COLUMN = 60
"""Comments stand in one column, but for lines that reach beyond this one."""
_BLOCKS: frozenset[Path] = frozenset({("data",), ("augment",), ("model",), ("model", "layers"), ("phases",)})
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
Line = tuple[str, str]
"""A line of YAML and its comment."""


def write(spec: Spec, comments: Mapping[Path, str] | None = None) -> str:
    """The YAML of `spec`: what differs from the defaults, and whatever `comments` has a remark for.

    `comments` maps a place, such as ("model", "defaults", "norm"), to a few words for the end of its line. Remarks on
    places the spec does not have are left out. Reading the text gives the spec again.
    """
    remarks = {path: " ".join(text.split()) for path, text in (comments or {}).items()}
    lines = list(_body(_parameters(spec, (), remarks), (), 0, remarks))
    column = max((len(text) for text, remark in lines if remark and len(text) < COMMENT_COLUMN), default=0)
    return "".join(f"{text:<{column}}  # {remark}\n" if remark else f"{text}\n" for text, remark in lines)


def flow(value: Any) -> str:
    """A value on one line: `{conv: {channels: 64}}`, `[0.35, 1.0]`, `none`."""
    if isinstance(value, dict):
        return "{" + _pairs(value) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_item(item) for item in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar that every YAML reader takes for what it is: 0.0005, not 5e-04; texts quoted where they must be."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _parameters(part: Part, path: Path, shown: Mapping[Path, str]) -> dict[str, Any]:
    """The keys of a part that are to be written: those that differ from their default or lead to a remark."""
    found = {}
    fields = type(part).model_fields.items()
    for name, field in sorted(fields, key=lambda item: item[0] in Layer.model_fields):  # `repeat` after a layer's own
        value, place = getattr(part, name), (*path, name)
        remarked = any(remark[: len(place)] == place for remark in shown)
        if value is None or (value == field.get_default(call_default_factory=True) and not remarked):
            continue
        # A choice that stands under its own name (regularization.l2) needs no second one.
        own_name = isinstance(value, Choice) and value.key == name
        found[name] = _parameters(value, place, shown) if own_name else _tree(value, place, shown)
    return found


def _tree(value: Any, path: Path, shown: Mapping[Path, str]) -> Any:
    if isinstance(value, Choice):
        return {value.key: parameters} if (parameters := _parameters(value, (*path, value.key), shown)) else value.key
    if isinstance(value, Part):
        return _parameters(value, path, shown)
    if isinstance(value, (tuple, list)):
        return [_tree(item, (*path, index), shown) for index, item in enumerate(value)]
    return value


def _body(value: dict[str, Any] | list[Any], path: Path, indent: int, remarks: Mapping[Path, str]) -> Iterator[Line]:
    """The lines of a mapping or list in block style."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(key, item, (*path, key), indent, remarks)
        return
    for index, item in enumerate(value):
        place = (*path, index)
        line = " " * indent + "- " + (_pairs(item) if _is_single(item) else flow(item))
        if not _is_broken(line, item, place, remarks):
            yield line, remarks.get(place, "")
            continue
        (first, remark), *rest = _body(item, place, indent + 2, remarks)
        yield " " * indent + "- " + first[indent + 2 :], remark or remarks.get(place, "")
        yield from rest


def _entry(key: str, value: Any, path: Path, indent: int, remarks: Mapping[Path, str]) -> Iterator[Line]:
    line = f"{' ' * indent}{key}: {flow(value)}"
    if not _is_broken(line, value, path, remarks):
        yield line, remarks.get(path, "")
        return
    yield f"{' ' * indent}{key}:", remarks.get(path, "")
    yield from _body(value, path, indent + 2, remarks)


def _is_broken(line: str, value: Any, path: Path, remarks: Mapping[Path, str]) -> bool:
    """Whether a value takes a line for each of its entries: sections do, and what is too wide or has remarks inside."""
    if not isinstance(value, (dict, list)) or not value:
        return False
    inside = any(len(remark) > len(path) and remark[: len(path)] == path for remark in remarks)
    return inside or path in _BLOCKS or len(line) > WIDTH


def _is_single(item: Any) -> bool:
    return isinstance(item, dict) and len(item) == 1


def _item(item: Any) -> str:
    return _pairs(item) if _is_single(item) else flow(item)


def _pairs(mapping: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {flow(value)}" for key, value in mapping.items())


def _decimal(number: float) -> str:
    exact = Decimal(repr(number))
    if number and not 1e-12 <= abs(number) < 1e16:  # no rows of zeros; YAML 1.1 wants the point and the sign
        mantissa, exponent = f"{exact:e}".split("e")
        return f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent):+03d}"
    text = f"{exact:f}"
    return text if "." in text else f"{text}.0"


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
