"""Python calls as text, laid out as `ruff format` and Black do with lines of 120 characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

WIDTH = 120


@dataclass(frozen=True)
class Call:
    """A call: what is called and its arguments, each with its name or "". A tuple is a call of nothing."""

    name: str
    arguments: tuple[tuple[str, Text], ...] = ()


Text: TypeAlias = str | Call


def literal(value: Any) -> str:
    """A value as Python writes it, in ASCII whatever it holds; strings in double quotes where that needs no escape."""
    text = ascii(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and text[0] == "'" and '"' not in text else text


def flat(text: Text) -> str:
    """In one line."""
    if isinstance(text, str):
        return text
    return f"{text.name}({', '.join(_named(name) + flat(value) for name, value in text.arguments)})"


def laid_out(text: Text, indent: int, before: int = 0, behind: int = 0) -> str:
    """As it stands at `indent`, with `before` characters in front of it in its line and `behind` after it: in one line
    if it fits, else each argument in a line of its own."""
    line = flat(text)
    if isinstance(text, str) or indent + before + len(line) + behind <= WIDTH:
        return line
    inner = [
        f"{' ' * (indent + 4)}{_named(name)}{laid_out(value, indent + 4, len(_named(name)), 1)},\n"
        for name, value in text.arguments
    ]
    return f"{text.name}(\n{''.join(inner)}{' ' * indent})"


def statement(front: str, text: Text, indent: int, behind: str = "") -> str:
    """A line (or several) at `indent`: front, the call, behind."""
    return f"{' ' * indent}{front}{laid_out(text, indent, len(front), len(behind))}{behind}\n"


def _named(name: str) -> str:
    return f"{name}=" if name else ""
