"""Where choices and keys are written: the place of each in a document, an example, what a dotted name stands for."""

from __future__ import annotations

import re
from collections import deque
from functools import cache
from typing import Any, NamedTuple, TypeGuard

from pydantic import TypeAdapter, ValidationError

from cnnwiz.catalog import Section, find, section_of
from cnnwiz.catalog.choice import Choice, Part, plain
from cnnwiz.catalog.layers import Conv
from cnnwiz.spec.document import Spec
from cnnwiz.spec.fields import Shape, limited, shape_of
from cnnwiz.spec.write import flow

_SAMPLES: dict[str, Any] = {
    "kernel": 3,
    "size": 1,
    "times": 3,
    "path": "data",
    "width": 32,
    "growth": 16,
    "squeeze": 16,
    "classes": 10,
    "image_size": 128,
    "canvas": 146,
    "gradient_clip": 1.0,
    "ema": 0.999,
    "from": "runs/pretrained-1",
    "layer_decay": 0.75,
    "epochs": 4,
    "grow_from": 96,
    "lr": 0.01,
    "label_errors": 0.03,
    "learning_curve": ((400, 0.80), (800, 0.84), (1600, 0.87)),
}
"""Values of keys without default that are more telling than any that fits the type."""
_VALUES: tuple[Any, ...] = (64, 0.9, 0.5, "text", (32, 64), ("a", "b"), True)
"""Values of which every other type accepts one."""


class Key(NamedTuple):
    """A key of a mapping: the field `name` of `owner`."""

    owner: type[Part]
    name: str

    @property
    def shape(self) -> Shape:
        """How its value is written, for one entry where it is a list."""
        shape = shape_of(self.owner.model_fields[self.name].annotation)
        while shape.item is not None:
            shape = shape.item
        return shape


def place(target: type[Part]) -> tuple[Key, ...]:
    """The keys that lead from the top of a document to a part or choice, the shortest way; none for the whole spec."""
    for base in target.__mro__:
        if base in _places():
            return _places()[base]
    return ()


def dotted(keys: tuple[Key, ...]) -> str:
    """Keys as people write them: `model.layers.residual.shortcut`."""
    words = []
    for key in keys:
        words += [key.owner.key] if _is_named(key.owner) else []
        words.append(key.name)
    return ".".join(words)


def path_of(key: Key) -> str:
    """The whole name of a key: `training.ema`, `model.layers.conv.stride`."""
    return dotted((*place(key.owner), key))


def example(target: type[Choice] | Key) -> str:
    """One line that shows how a choice or key is written: `model: {defaults: {activation: {elu: {alpha: 1.0}}}}`."""
    if isinstance(target, Key):
        return _line((*_way(target.owner), target), _sample(target))
    parameters = _required(target) or _telling(target)
    value = {target.key: parameters} if parameters else target.key
    return _line(_way(target), value if _is_named(target) else parameters)


def _way(target: type[Part]) -> tuple[Key, ...]:
    """The keys of an example: the shortest, but for initial values that only a single layer may have."""
    if getattr(target, "everywhere", True):
        return place(target)
    return (*place(Conv), Key(Conv, "init"))


def resolve(name: str) -> Key | type[Choice] | None:
    """What a dotted name stands for: a key (`training.ema`, `conv.stride`), a choice at its place, or nothing."""
    words = re.sub(r"\[\d*\]", "", name).split(".")
    starts = [(Spec, words), *((choice, words[1:]) for choice in find(words[0]))]
    starts += [(choice, words[2:]) for choice in find(".".join(words[:2]))]
    return next((found for part, rest in starts if (found := _walk(part, rest))), None)


def keys(part: type[Part] = Spec) -> list[Key]:
    """Every key of the document that is not inside a choice."""
    found = []
    for name in part.model_fields:
        key = Key(part, name)
        found.append(key)
        found += keys(key.shape.part) if key.shape.part and not issubclass(key.shape.part, Choice) else []
    return found


@cache
def _places() -> dict[type[Part], tuple[Key, ...]]:
    found: dict[type[Part], tuple[Key, ...]] = {}
    queue: deque[tuple[type[Part], tuple[Key, ...]]] = deque([(Spec, ())])
    while queue:
        part, way = queue.popleft()
        for name in part.model_fields:
            key = Key(part, name)
            section, inner = key.shape.section, key.shape.part
            target = section.base if section else inner
            if target is None or target in found:
                continue
            found[target] = (*way, key)
            queue.extend((member, found[target]) for member in (section.choices if section else (target,)))
    return found


def _walk(part: type[Part], words: list[str]) -> Key | type[Choice] | None:
    if not words or words[0] not in part.model_fields:
        return None
    key, rest = Key(part, words[0]), words[1:]
    section, inner = key.shape.section, key.shape.part
    if not rest:
        return inner if inner and issubclass(inner, Choice) else key
    if section is None:
        return _walk(inner, rest) if inner else None
    choice = next((choice for choice in section.choices if choice.key == rest[0]), None)
    return _walk(choice, rest[1:]) if choice and rest[1:] else choice


def _line(way: tuple[Key, ...], value: Any) -> str:
    """`value` wrapped into the keys that lead to it, from the last to the first."""
    for key in reversed(way):
        shape = shape_of(key.owner.model_fields[key.name].annotation)
        if shape.kind == "list" and not isinstance(value, list):
            value = [value]
        value = _required(key.owner, **{key.name: value}) if issubclass(key.owner, Choice) else {key.name: value}
        value = {key.owner.key: value} if _is_named(key.owner) else value
    ((name, inner),) = value.items()
    return f"{name}: {flow(inner)}"


def _is_named(part: type[Part]) -> TypeGuard[type[Choice]]:
    """Whether it is written under its own word; parts that are keys themselves (regularization.l2) are not."""
    return issubclass(part, Choice) and _section(part) is not None


def _section(choice: type[Choice]) -> Section | None:
    return next((found for base in choice.__mro__ if (found := section_of(base))), None)


def _required(part: type[Part], **given: Any) -> dict[str, Any]:
    """These keys and those that must be with them: those without default, and what else a choice asks for."""
    missing = [name for name, field in part.model_fields.items() if field.is_required() and name not in given]
    found = {name: _sample(Key(part, name)) for name in missing} | given
    for name in part.model_fields:
        if not issubclass(part, Choice) or _is_enough(part, found):
            break
        if name not in (*found, "repeat"):
            found[name] = _sample(Key(part, name))
    return found


def _is_enough(choice: type[Choice], values: dict[str, Any]) -> bool:
    """Whether a choice can be made of these values; those that are choices themselves are not tried."""
    return any(isinstance(value, (dict, list)) for value in values.values()) or _accepts(TypeAdapter(choice), values)


def _telling(part: type[Part]) -> dict[str, Any]:
    """The first key, to show how keys are written; for choices only if it has a default."""
    for name, field in part.model_fields.items():
        optional = issubclass(part, Choice) and field.get_default(call_default_factory=True) is None
        if name != "repeat" and not optional:
            return {name: _sample(Key(part, name))}
    return {}


def _sample(key: Key) -> Any:
    """A value for a key: its default, a telling one, or one that its type accepts."""
    field, shape = key.owner.model_fields[key.name], key.shape
    default = None if field.is_required() else plain(field.get_default(call_default_factory=True))
    if default not in (None, [], {}) and not (shape.part and isinstance(default, str)):
        return default
    if shape.section:
        return _listed(_entry(shape.section), shape_of(field.annotation))
    if shape.part:
        return _required(shape.part) or _telling(shape.part)
    adapter = TypeAdapter(limited(field))
    values = (*shape.allowed, _SAMPLES.get(key.name), *_VALUES)
    return next(value for value in values if value is not None and _accepts(adapter, value))


def _accepts(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _entry(section: Section) -> Any:
    """The first choice of a section with what it requires."""
    required = _required(section.choices[0])
    return {section.choices[0].key: required} if required else section.choices[0].key


def _listed(value: Any, shape: Shape) -> Any:
    """A value in as many lists as the shape has around it; paths need two."""
    if shape.item is None:
        return value
    inner = _listed(value, shape.item)
    return [inner, inner] if shape.item.item else [inner]
