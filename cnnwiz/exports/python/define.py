"""What occurs more than once is written once: functions for units, classes for blocks, differences as parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cnnwiz.exports.python.layout import Call, Text, flat, literal
from cnnwiz.exports.python.leaf import Argument, Leaf
from cnnwiz.exports.python.tree import Block, Chain, Part, Step

WORDS = {
    "in_channels": "inputs",
    "in_features": "inputs",
    "out_channels": "outputs",
    "out_features": "outputs",
    "num_features": "channels",
    "num_channels": "channels",
    "num_parameters": "channels",
    "num_groups": "groups",
    "kernel_size": "kernel",
}
"""Parameters by shorter names than torch's arguments."""


@dataclass(frozen=True)
class Slot:
    """An argument of a leaf inside a definition: its text, and its value where all instances share it."""

    text: str
    fixed: bool
    value: Any = None


@dataclass(frozen=True)
class Parameter:
    """A parameter of a definition: one of the columns that it stands for, and its default (required without one)."""

    name: str
    column: int
    default: Any

    @property
    def required(self) -> bool:
        return self.default is Argument.default


@dataclass
class Definition:
    """A function or class of the file."""

    name: str
    part: Chain | Block  # one of its instances
    slots: list[Slot] = field(default_factory=list)  # as its body sees them
    parameters: list[Parameter] = field(default_factory=list)


def signature(part: Part) -> Any:
    """Equal for parts that differ in the values of arguments only."""
    if isinstance(part, Step):
        leaf = part.leaf
        return (leaf.call, tuple(argument.name for argument in leaf.arguments), leaf.normalized, leaf.padded)
    inner = tuple(signature(inner) for inner in part.parts)
    return (part.key, part.names, part.wiring, inner) if isinstance(part, Block) else inner


def arguments_of(part: Part) -> list[Argument]:
    """The arguments of every leaf, in order: what a definition may have to vary."""
    if isinstance(part, Step):
        return list(part.leaf.arguments)
    return [argument for inner in part.parts for argument in arguments_of(inner)]


def every(parts: Iterable[Part]) -> Iterator[Part]:
    """All parts and the parts in them, inner ones first."""
    for part in parts:
        if not isinstance(part, Step):
            yield from every(part.parts)
        yield part


class Definitions:
    """The definitions that a network needs, in the order in which they can be written."""

    def __init__(self, stretches: Iterable[Part]) -> None:
        self.found: dict[Any, Definition] = {}
        self.names: set[str] = {"Network"}
        instances: dict[Any, list[Part]] = {}
        for part in every(stretches):
            instances.setdefault(signature(part), []).append(part)
        for key, members in instances.items():
            first = members[0]
            unit = isinstance(first, Chain) and all(isinstance(part, Step) for part in first.parts)
            if isinstance(first, Block) or (unit and len(members) > 1):
                assert not isinstance(first, Step)
                self.found[key] = self._define(first, members)

    def text(self, part: Part, slots: list[Slot], start: int = 0) -> Text:
        """The call that makes a part, whose arguments stand in `slots` from `start` on."""
        if isinstance(part, Step):
            return _leaf(part.leaf, slots[start : start + len(part.leaf.arguments)])
        definition = self.found.get(signature(part))
        if definition:
            return self._use(definition, slots, start)
        inner = []
        for child in part.parts:
            inner.append(self.text(child, slots, start))
            start += len(arguments_of(child))
        return Call("nn.Sequential", tuple(("", text) for text in folded(inner)))

    def _use(self, definition: Definition, slots: list[Slot], start: int) -> Text:
        given = []
        for parameter in definition.parameters:
            slot = slots[start + parameter.column]
            if parameter.required:
                given.append(("", slot.text))
            elif not (slot.fixed and same(slot.value, parameter.default)):
                given.append((parameter.name, slot.text))
        return Call(definition.name, tuple(given))

    def _define(self, first: Chain | Block, members: list[Part]) -> Definition:
        rows = [arguments_of(member) for member in members]
        columns = list(zip(*rows, strict=True))
        definition = Definition(self._name(first), first)
        named: dict[str, Parameter] = {}
        taken: set[str] = set()
        last = max((i for i, column in enumerate(columns) if WORDS.get(column[0].name) == "outputs"), default=-1)
        for index, column in enumerate(columns):
            argument, values = column[0], [literal(one.value) for one in column]
            if len(set(values)) == 1:
                definition.slots.append(Slot(values[0], True, argument.value))
                continue
            kernel = _half_of(columns, definition.slots, index)
            if kernel:
                definition.slots.append(Slot(f"{kernel} // 2", False))
                continue
            vector = repr(values)
            if vector not in named:
                word = WORDS.get(argument.name) or argument.name
                if word == "outputs" and values != [literal(one.value) for one in columns[last]]:
                    word = "width"
                named[vector] = Parameter(_unique(word, taken), index, argument.default)
            definition.slots.append(Slot(named[vector].name, False))
        definition.parameters = sorted(named.values(), key=lambda parameter: not parameter.required)
        return definition

    def _name(self, part: Chain | Block) -> str:
        if isinstance(part, Block):
            kinds = sorted(inner.leaf.call for inner in part.parts if isinstance(inner, Step))
            pooled = kinds == ["nn.AvgPool2d", "nn.MaxPool2d", "{0} + {1}"]
            name = "MaxPlusAverage" if pooled else "".join(word.capitalize() for word in part.key.split("_"))
            projected = any(inner.startswith("shortcut") for inner in part.names)
            return _unique(f"Projected{name}" if projected else name, self.names)
        return _unique("_".join(_short(inner.leaf) for inner in part.parts if isinstance(inner, Step)), self.names)


def folded(texts: list[Text]) -> list[Text]:
    """Equal neighbours as one comprehension."""
    found: list[tuple[Text, int]] = []
    for text in texts:
        if found and found[-1][0] == text:
            found[-1] = (text, found[-1][1] + 1)
        else:
            found.append((text, 1))
    return [text for one, count in found for text in repeated(one, count)]


def repeated(text: Text, count: int) -> list[Text]:
    """A text several times: written out up to twice, then as a comprehension."""
    return [text] * count if count < 3 else [f"*({flat(text)} for _ in range({count}))"]


def same(one: Any, other: Any) -> bool:
    """Equal, and of one type: True is not 1."""
    return repr(one) == repr(other)


def _leaf(leaf: Leaf, slots: list[Slot]) -> Text:
    """The call of a leaf; arguments that have their default value are left out."""
    given = []
    for argument, slot in zip(leaf.arguments, slots, strict=True):
        if leaf.padded and argument.name == "sides":
            continue
        if argument.required:
            given.append(("", slot.text))
        elif not (slot.fixed and same(slot.value, argument.default)):
            given.append((argument.name, slot.text))
    text: Text = Call(leaf.call, tuple(given))
    if leaf.normalized:
        text = Call("weight_norm", (("", text),))
    if leaf.padded:
        pad = Call("nn.ZeroPad2d", (("", slots[0].text),))
        text = Call("nn.Sequential", (("", pad), ("", text)))
    return text


def _half_of(columns: list[tuple[Argument, ...]], slots: list[Slot], index: int) -> str:
    """The text of the kernel of which this padding is half in all instances, or ""."""
    if columns[index][0].name != "padding":
        return ""
    kernel = next((i for i in range(index, -1, -1) if columns[i][0].name == "kernel_size"), None)
    if kernel is None:
        return ""
    pairs = [(k.value, p.value) for k, p in zip(columns[kernel], columns[index], strict=True)]
    if all(isinstance(k, int) and isinstance(p, int) and p == k // 2 for k, p in pairs):
        return slots[kernel].text
    return ""


def _unique(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    taken.add(found)
    return found


SHORT = {
    "Conv2d": "conv",
    "BatchNorm2d": "norm",
    "BatchNorm1d": "norm",
    "GroupNorm": "norm",
    "Linear": "linear",
    "MaxPool2d": "max_pool",
    "AvgPool2d": "average_pool",
}


def _short(leaf: Leaf) -> str:
    """A word for a leaf in the names of functions."""
    kind = leaf.call.split(".")[-1]
    return SHORT.get(kind, kind.lower())
