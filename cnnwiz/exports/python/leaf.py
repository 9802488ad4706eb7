"""Single operations as Python text: the call that makes the module, or the expression that does it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from cnnwiz.nn import layers

SKIPPED = (
    "device",
    "dtype",
    "inplace",
    "padding_mode",
    "track_running_stats",
    "return_indices",
    "affine",
    "min_value",
    "max_value",
)
"""Arguments of torch's modules that no choice sets."""


@dataclass(frozen=True)
class Argument:
    """One argument of a call. Required ones are written by their place, the others by their name where they differ from
    the default."""

    name: str
    value: Any
    default: Any = inspect.Parameter.empty

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True)
class Leaf:
    """An operation: what is called, with its arguments, or if `written` an expression of its inputs {0}, {1}, ..."""

    call: str
    arguments: tuple[Argument, ...] = ()
    written: bool = False
    normalized: bool = False  # by weight norm
    padded: bool = False  # by a layer of its own in front; the first argument are its sides

    @property
    def inner(self) -> str:
        """Where the module that holds the tensors lies in the one that is written."""
        return "1." if self.padded else ""


def leaf_of(module: nn.Module, inputs: int) -> Leaf:
    """The text of a network's module. Modules keep what they were made with under the names of the arguments."""
    expression = _expression(module, inputs)
    if expression:
        return Leaf(expression, written=True)
    padded = isinstance(module, layers.PaddedConv2d)
    sides = (Argument("sides", module.sides),) if padded else ()
    return Leaf(_name(module), (*sides, *_arguments(module)), False, is_parametrized(module), padded)


def own_class(leaf: Leaf) -> str | None:
    """The class of ours that the leaf calls; its source goes into the file."""
    return None if leaf.written or "." in leaf.call else leaf.call


def _kind(module: nn.Module) -> type[nn.Module]:
    """The class to call: weight norm and uneven padding are made around it."""
    return nn.Conv2d if isinstance(module, nn.Conv2d) else nn.Linear if isinstance(module, nn.Linear) else type(module)


def _name(module: nn.Module) -> str:
    kind = _kind(module)
    if kind.__module__.startswith("torch.nn."):
        return f"nn.{kind.__name__}"
    return f"torchvision.ops.{kind.__name__}" if kind.__module__.startswith("torchvision.") else kind.__name__


def _arguments(module: nn.Module) -> list[Argument]:
    kind = _kind(module)
    found = []
    for name, parameter in inspect.signature(kind).parameters.items():
        if name in SKIPPED or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = getattr(module, name)
        if name == "bias":
            value = value is not None
        ours = not kind.__module__.startswith("torch.nn.")
        found.append(Argument(name, value if ours else _single(value), parameter.default))
    return found


def _single(value: Any) -> Any:
    """(3, 3) as 3, which torch's modules take for the same."""
    return value[0] if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] else value


def _expression(module: nn.Module, inputs: int) -> str:
    """What needs no module, for it has nothing to keep and several inputs."""
    places = [f"{{{place}}}" for place in range(inputs)]
    if isinstance(module, layers.Add):
        return " + ".join(places)
    if isinstance(module, layers.Multiply):
        return " * ".join(places)
    if isinstance(module, layers.Concat):
        return f"torch.cat(({', '.join(places)}), dim=1)"
    if isinstance(module, layers.Gate):
        return "{2} + torch.sigmoid({1}) * ({0} - {2})"
    return ""
