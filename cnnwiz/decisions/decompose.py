"""From a spec back to answers, so that `cnnwiz new --from` can ask about a file that is already there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from cnnwiz.catalog.choice import Choice, Part, plain
from cnnwiz.catalog.regularization import PENALTIES, Regularization
from cnnwiz.decisions.architecture import NOISES, Architecture, layers_of
from cnnwiz.decisions.checks import findings_of
from cnnwiz.decisions.compose import draft
from cnnwiz.decisions.families import FAMILIES
from cnnwiz.decisions.question import Answers, Background, Question
from cnnwiz.decisions.questions import QUESTIONS
from cnnwiz.spec.document import Model, Spec

STEMS = ("small", "strided", "pooled")
MOST_STAGES = 8
MOST_CHANNELS = 65_536
SHAPE = "architecture."
NOWHERE = object()
"""The value of a question whose place is not in the spec, as the learning rate of an optimizer that is not used."""


def background_of(spec: Spec) -> Background:
    """What a spec answers, and the questions it leaves no room for: those on its layers where no answers make them."""
    shape = architecture_of(spec.model)
    values: dict[str, Any] = {}
    kept: set[str] = set()
    for item in QUESTIONS:
        if item.key.startswith(SHAPE):
            if shape is None:
                kept.add(item.key)
            else:
                values[item.key] = getattr(shape, item.key.removeprefix(SHAPE))
            continue
        value = _value(item, spec)
        if value is NOWHERE or (value is None and (not item.optional or item.key == "data.classes")):
            continue
        if _is_sayable(item, value):
            values[item.key] = value
        else:
            kept.add(item.key)
    about = Background(base=spec, values=values, kept=frozenset(kept))
    made = draft(Answers(about=about))
    errors = [found.code for found in findings_of(made) if found.severity == "error"] if made else []
    return about._replace(tolerated=frozenset(errors))


def architecture_of(model: Model) -> Architecture | None:
    """The answers about the network's shape that make exactly these layers; None where none do."""
    defaults, layers = model.defaults, model.layers
    noise = next((kind for kind in NOISES if isinstance(layers[-1], kind)), None)
    rest: dict[str, Any] = {"dropout": noise.key, "dropout_rate": layers[-1].rate} if noise else {}  # pyright: ignore
    words = [layer.key for layer in layers]
    for shape in _frames(words, rest, defaults.conv.key, defaults.order):
        for width, depth in product(_widths(layers), _depths(layers)):
            found = shape.model_copy(update={"width": width, "depth": depth})
            if layers_of(found, defaults.conv.key, defaults.order) == layers:
                return found
    return None


def _frames(words: list[str], rest: Mapping[str, Any], conv: str, order: Any) -> Iterator[Architecture]:
    """Families, stems and numbers of stages whose layers are of these kinds in this order."""
    for family, stem, stages in product(FAMILIES, STEMS, range(1, MOST_STAGES + 1)):
        for depth in (1, 2):  # a plain network of depth 1 has a layer less
            frame = Architecture(family=family, stem=stem, stages=stages, depth=depth, **rest)  # pyright: ignore
            if [layer.key for layer in layers_of(frame, conv, order)] == words:
                yield frame
                break


def _widths(layers: tuple[Choice, ...]) -> list[int]:
    """What the first stage may be wide: every number in the layers, and what families make halves and quarters of."""
    found = {number * factor for number in _numbers(plain(layers, explicit=True)) for factor in (1, 2, 4)}
    return sorted(number for number in found if 1 <= number <= MOST_CHANNELS)


def _depths(layers: tuple[Choice, ...]) -> list[int]:
    """How deep stages may be: every repeat, and one more, for a first layer that stands apart."""
    repeats = {getattr(layer, "repeat", 1) for layer in layers}
    return sorted(repeats | {repeat + 1 for repeat in repeats if repeat < 100})


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _value(item: Question, spec: Spec) -> Any:
    """What the spec says where the question's answer stands, as an answer."""
    if item.key == "data.path":
        return getattr(spec.data.source, "path", NOWHERE)
    if item.key == "model.defaults.stochastic_depth.rate":
        depth = spec.model.defaults.stochastic_depth
        return depth.rate if depth else None
    found: Any = spec
    for word in item.key.split("."):
        found = _below(found, word)
    if item.kind == "yes-no" and not isinstance(found, bool):  # whether a part is there
        return NOWHERE if found is NOWHERE else found is not None
    if isinstance(found, Regularization):
        return tuple(cls.key for cls in PENALTIES if getattr(found, cls.key))
    if isinstance(found, tuple):
        return tuple(entry.key if isinstance(entry, Choice) else entry for entry in found)
    return found.key if isinstance(found, Choice) else found


def _below(value: Any, word: str) -> Any:
    """One step of a key: a field, a choice's own word (which leads to itself), or that of one choice among several."""
    if isinstance(value, tuple):
        return next((choice for choice in value if choice.key == word), NOWHERE)
    if isinstance(value, Choice) and value.key == word:
        return value
    found = getattr(value, word, None) if isinstance(value, Part) and word in type(value).model_fields else NOWHERE
    return NOWHERE if found is None and isinstance(value, Regularization) else found


def _is_sayable(item: Question, value: Any) -> bool:
    """Whether the value, shown as a user would type it, reads back as itself."""
    if item.kind == "several" and len(set(value)) < len(value):
        return False
    return item.parsed(item.show(value)) == (value, None)
