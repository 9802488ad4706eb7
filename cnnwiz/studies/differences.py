"""What two specs decide otherwise, in the words of the spec. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.spec import Spec

RESOLVED = ("data.image_size", "data.canvas", "data.channels", "data.classes")
"""Keys that a run writes out where its spec left them to the data; no decision where only one of two has them."""
UNMEANT = ("name", "cnnwiz")

Words = Callable[[Choice], str]


class Difference(NamedTuple):
    """One decision: where it stands, and what each of the two says; None where it has no such thing."""

    path: str
    first: str | None
    second: str | None


def differences(first: Spec, second: Spec, words: Words) -> list[Difference]:
    """Every decision in which two specs differ, in the order of the document; `words` says a choice in short."""
    return [
        found
        for found in _parts("", first, second, words)
        if found.path not in UNMEANT and not (found.path in RESOLVED and None in (found.first, found.second))
    ]


def _parts(path: str, first: Part, second: Part, words: Words) -> Iterator[Difference]:
    """Field by field; both are of one class."""
    for name in type(first).model_fields:
        below = f"{path}.{name}" if path else name
        yield from _values(below, getattr(first, name), getattr(second, name), words)


def _values(path: str, one: Any, other: Any, words: Words) -> Iterator[Difference]:
    if one == other:
        return
    if isinstance(one, Part) and type(one) is type(other):
        # A choice that stands under its own name (regularization.l2) needs no second one.
        own = one.key if isinstance(one, Choice) else ""
        yield from _parts(f"{path}.{own}" if own and not path.endswith(f".{own}") else path, one, other, words)
    elif isinstance(one, tuple) and isinstance(other, tuple) and _lists(one, other):
        yield from _lines(path, [_said(item, words) for item in one], [_said(item, words) for item in other])
    else:
        yield Difference(path, _said(one, words), _said(other, words))


def _lists(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether these are lists of layers and the like, not pairs of numbers."""
    return any(isinstance(item, (Part, tuple)) for item in (*one, *other))


def _lines(path: str, one: list[str | None], other: list[str | None]) -> Iterator[Difference]:
    """Two lists by their lines, numbered as in the first (from 1): changed, gone, new."""
    for kind, start, end, begin, stop in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for offset in range(max(end - start, stop - begin)):
            old = one[start + offset] if start + offset < end else None
            new = other[begin + offset] if begin + offset < stop else None
            place = f"{path}[{start + offset + 1}]" if old is not None else f"{path}, behind line {end}"
            yield Difference(place, old, new)


def _said(value: Any, words: Words) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, Choice):
        return words(value)
    if isinstance(value, Part):
        return ", ".join(f"{name} {_said(getattr(value, name), words)}" for name in value.model_fields_set)
    if isinstance(value, tuple):
        return ", ".join(str(_said(item, words)) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
