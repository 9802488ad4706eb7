"""What a spec decides, one by one: where it stands, what was taken, and which card of the catalogue explains it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cnnwiz.catalog.choice import Choice, Part, plain
from cnnwiz.catalog.layer import Layer
from cnnwiz.spec import Spec
from cnnwiz.spec.finding import Path, show_path
from cnnwiz.spec.write import flow

NOT_DECISIONS = ("cnnwiz", "name")


@dataclass(frozen=True)
class Decision:
    """One decision. `usual`: left at its default. `choices`: the cards behind it."""

    path: Path
    value: str
    choices: tuple[type[Choice], ...]
    description: str
    usual: bool

    @property
    def key(self) -> str:
        """Its place as people write it."""
        return show_path(self.path)


def decisions(spec: Spec) -> list[Decision]:
    """Every decision of a spec in the order of the document; of `augment` and `model.input` one for each entry."""
    return [decision for decision in _decisions(spec, ()) if decision.path[0] not in NOT_DECISIONS]


def _decisions(part: Part, path: Path) -> Iterator[Decision]:
    for name, field in type(part).model_fields.items():
        value, place = getattr(part, name), (*path, name)
        usual = value == field.get_default(call_default_factory=True)
        about = field.description or ""
        if isinstance(value, Choice):
            yield Decision(place, yaml_of(value), (type(value),), about, usual)
        elif isinstance(value, Part):
            yield from _decisions(value, place)
        elif isinstance(value, tuple) and value and isinstance(value[0], Layer):
            yield Decision(place, "\n".join(yaml_of(layer) for layer in value), _kinds(value), about, False)
        elif isinstance(value, tuple) and value and isinstance(value[0], Part):
            for index, item in enumerate(value):
                choices = (type(item),) if isinstance(item, Choice) else ()
                yield Decision((*place, index), yaml_of(item), choices, about, False)
        elif value is None:
            yield Decision(place, "not set", (), about, True)
        else:
            yield Decision(place, flow(plain(value)), (), about, usual)


def yaml_of(part: Part) -> str:
    """A choice as it stands in a spec: `relu`, `bottleneck: {channels: 512, repeat: 4}`; other parts in braces."""
    value = plain(part)
    if isinstance(value, str):
        return value
    if not isinstance(part, Choice):
        return flow(value)
    return flow({name: _own_first(inner) for name, inner in value.items()})[1:-1]


def _own_first(parameters: Any) -> Any:
    """A layer's own keys before those that all layers have (`repeat`), as specs are written."""
    if not isinstance(parameters, dict):
        return parameters
    return dict(sorted(parameters.items(), key=lambda item: item[0] in Layer.model_fields))


def _kinds(layers: tuple[Layer, ...]) -> tuple[type[Choice], ...]:
    """The kinds of layers in the order of their first use."""
    return tuple(dict.fromkeys(type(layer) for layer in layers))
