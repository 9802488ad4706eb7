"""Operations of the graph that only networks made elsewhere have."""

from __future__ import annotations

from typing import ClassVar

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.normalization import Normalization
from cnnwiz.catalog.operation import Parameter, Shape
from cnnwiz.catalog.primitive import Primitive


class Unread(Primitive):
    """An operation that is not known: its place and its result, nothing more."""

    key: ClassVar[str] = "unread"
    word: str
    shape: tuple[int, ...]
    held: int = 0

    def output(self, *inputs: Shape) -> Shape:
        return self.shape

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        return {"unread": Parameter((self.held,), "weight")} if self.held else {}


class Weigh(Primitive):
    """Every value times a trained one of its channel."""

    key: ClassVar[str] = "weigh"
    shape: tuple[int, ...]

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        return {"weight": Parameter(self.shape, "norm")}


class PositionNorm(Normalization):
    """The channels of each position to zero mean and unit variance, then a trained scale and shift (ConvNeXt)."""

    key: ClassVar[str] = "position"

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        return {name: Parameter((inputs[0][0],), "norm") for name in ("weight", "bias")}


class PlainNorm(Normalization):
    """Batch norm without trained scale and shift."""

    key: ClassVar[str] = "batch"


class Hardswish(Activation):
    """x * min(max(x + 3, 0), 6) / 6."""

    key: ClassVar[str] = "hardswish"


class Hardsigmoid(Activation):
    """min(max(x + 3, 0), 6) / 6."""

    key: ClassVar[str] = "hardsigmoid"


class Mish(Activation):
    """x * tanh(softplus(x))."""

    key: ClassVar[str] = "mish"


class Softplus(Activation):
    """log(1 + exp(x))."""

    key: ClassVar[str] = "softplus"


class Softmax(Activation):
    """exp(x) by its sum."""

    key: ClassVar[str] = "softmax"
