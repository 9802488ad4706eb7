"""What is wrong with a value, in words: what it is, what is allowed, an example."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen

from cnnwiz.catalog.choice import Part
from cnnwiz.spec.fields import shape_of
from cnnwiz.spec.reader import Node


def wrong_value(cls: type[Part], key: str, node: Node) -> str:
    """Why `node` is not a value for the field `key` of `cls`."""
    wanted = expected(cls, key)
    return f"{_found(node, wanted)} is not allowed; it takes {wanted}: {cls.model_fields[key].description}"


@cache
def expected(cls: type[Part], key: str) -> str:
    """What a field takes: 'a whole number from 1 to 65536', 'one of same, valid', ..."""
    field = cls.model_fields[key]
    shape = shape_of(field.annotation)
    if shape.section:
        return f"one of {', '.join(choice.key for choice in shape.section.choices)}"
    if shape.part:
        return f"keys ({', '.join(shape.part.model_fields)})"
    kinds = _kinds(field.annotation)
    allowed = [str(value) for value in shape.allowed]
    limits = _limits(field.metadata) or _inner_limits(field.annotation)
    words = [f"one of {', '.join(allowed)}" if len(allowed) > 1 else allowed[0]] if allowed else []
    if "int" in kinds and "float" not in kinds:
        words.append(f"a whole number{limits}")
    if "float" in kinds:
        words.append(f"a number{limits}")
    if "bool" in kinds:
        words.append("true or false")
    if "str" in kinds:
        words.append("a text of letters, digits, '-', '_' and '.'" if _has_pattern(field.metadata) else "a text")
    if "tuple" in kinds:
        members = ", ".join(map(str, _members(field.annotation)))
        listed = f"a list{_lengths(field.metadata)}" + (f" with {members}" if members else "")
        words.append("a list of them" if words else listed)
    return ", or ".join(words) or "another value"


def _found(node: Node, wanted: str) -> str:
    """The value as written, with a remark where the type surprises."""
    if node.kind != "scalar":
        return f"a {node.kind} of {len(node.value)}"
    if isinstance(node.value, str):
        shown = node.text if len(node.text) <= 40 else node.text[:37] + "..."
        numeric = "number" in wanted and node.text[:1].isdigit()
        return f"the text {shown!r}" + (" (write plain digits, like 0.001 or 128)" if numeric else "")
    if node.text.isdigit() and len(node.text) > 40:
        return f"a number of {len(node.text):,} digits"
    if isinstance(node.value, float) and not math.isfinite(node.value):
        return "a number that is not finite"
    return node.text if len(node.text) <= 40 else node.text[:37] + "..."


def _kinds(annotation: Any) -> set[str]:
    """Names of the plain types inside an annotation; those inside a pair count once, with 'tuple'."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return {annotation.__name__}
    origin = get_origin(annotation)
    inner = {name for part in get_args(annotation) if not _is_constraint(part) for name in _kinds(part)}
    return inner | {"tuple"} if origin is tuple else inner


def _is_constraint(part: Any) -> bool:
    return part is Ellipsis or isinstance(part, (str, int, float)) or hasattr(part, "metadata") or part is type(None)


def _members(annotation: Any) -> tuple[Any, ...]:
    """The values that the entries of a list may have, where they are listed."""
    for part in get_args(annotation):
        if get_origin(part) is Literal:
            return get_args(part)
    return ()


def _limits(metadata: list[Any]) -> str:
    """' from 1 to 2000', ' above 0 and below 1', ... from pydantic's constraints."""
    low = next((f"{m.ge:g}" for m in metadata if isinstance(m, Ge)), None)
    above = next((f"{m.gt:g}" for m in metadata if isinstance(m, Gt)), None)
    high = next((f"{m.le:g}" for m in metadata if isinstance(m, Le)), None)
    below = next((f"{m.lt:g}" for m in metadata if isinstance(m, Lt)), None)
    if low and high:
        return f" from {low} to {high}"
    words = [f"of at least {low}" if low else "", f"above {above}" if above else ""]
    words += [f"of at most {high}" if high else "", f"below {below}" if below else ""]
    said = " and ".join(word for word in words if word)
    return f" {said}" if said else ""


def _lengths(metadata: list[Any]) -> str:
    """' of 1 to 1000' from the limits of a list's length."""
    low = next((m.min_length for m in metadata if isinstance(m, MinLen)), 0)
    high = next((m.max_length for m in metadata if isinstance(m, MaxLen)), None)
    if not low and high is None:
        return ""
    return f" of at least {low}" if high is None else f" of {low} to {high}"


def _inner_limits(annotation: Any) -> str:
    """The limits of the first constrained type inside an annotation."""
    for part in get_args(annotation):
        if metadata := getattr(part, "metadata", None):
            return _limits(list(metadata))
        if found := _inner_limits(part):
            return found
    return ""


def _has_pattern(metadata: list[Any]) -> bool:
    return any(getattr(item, "pattern", None) for item in metadata)
