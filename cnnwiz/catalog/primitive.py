"""Operations that blocks expand to and that no user names: convolution, linear, flatten, merges."""

import math
from typing import TYPE_CHECKING

from pydantic import Field

from cnnwiz.catalog.initialization import Initialization
from cnnwiz.catalog.operation import Operation, Parameter, Shape, ShapeError, Window, divisors, slide

if TYPE_CHECKING:
    from torch import nn


class Primitive(Operation):
    """An operation without a word of its own in the spec."""

    section = "primitive"


class Convolution2d(Primitive):
    """Cross-correlation of a (C, H, W) map with `channels` filters, zero padding, torch's shape rules."""

    key = "conv"
    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)  # top, bottom, left, right
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bias: bool = True
    weight_norm: bool = False
    role: str = "weight"
    gate_bias: float | None = None  # where the bias of a gate's scores starts
    init: Initialization | None = None  # of the weight; None for the network's

    def output(self, *inputs: Shape) -> Shape:
        incoming, height, width = _map(inputs[0], "a convolution")
        for what, channels in (("input", incoming), ("output", self.channels)):
            if channels % self.groups:
                raise ShapeError(
                    f"{channels} {what} channel{'s' * (channels > 1)} cannot be split into {self.groups} groups",
                    f"nearest that work: {divisors(math.gcd(incoming, self.channels), self.groups)}",
                    "groups",
                )
        shape = (self.channels, incoming // self.groups, *self.kernel)
        if self.init and (problem := self.init.problem(shape, self.groups)):
            raise ShapeError(
                problem, f"set channels, kernel or init of this layer; its weight is {show(shape)}", "init"
            )
        return (self.channels, *window_shape((height, width), self.window(), self.padding))

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        incoming = inputs[0][0]
        role = "depthwise" if self.groups == incoming > 1 else self.role
        weight = Parameter((self.channels, incoming // self.groups, *self.kernel), role)
        found = _trained(weight, self.bias, self.weight_norm)
        if self.init and not self.init.trains:
            found = {name: parameter for name, parameter in found.items() if name == "bias"}
        return found if self.gate_bias is None else {**found, "bias": Parameter((self.channels,), "gate_bias")}

    def macs(self, *inputs: Shape) -> int:
        channels, height, width = self.output(*inputs)
        return channels * height * width * (inputs[0][0] // self.groups) * self.kernel[0] * self.kernel[1]

    def window(self, *inputs: Shape) -> Window:
        top, _, left, _ = self.padding
        return Window(self.kernel, self.stride, self.dilation, (top, left))

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        top, bottom, left, right = self.padding
        even = top == bottom and left == right
        convolution = nn.Conv2d(
            inputs[0][0],
            self.channels,
            self.kernel,
            self.stride,
            padding=(top, left) if even else 0,
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias,
        )
        if not even:
            from cnnwiz.nn.layers import PaddedConv2d

            convolution = PaddedConv2d(convolution, (left, right, top, bottom))
        if self.gate_bias is not None and convolution.bias is not None:
            nn.init.constant_(convolution.bias, self.gate_bias)
        if self.init and not self.init.trains:
            from cnnwiz.nn.layers import untrained

            return untrained(convolution, "weight")
        return _built(convolution, self.weight_norm)


class Linear(Primitive):
    """Fully connected layer: every output sees every feature."""

    key = "linear"
    features: int
    bias: bool = True
    weight_norm: bool = False
    role: str = Field(default="weight", description="role of the weight: weight, or classifier for the last layer")

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 1:
            raise ShapeError(
                f"a linear layer takes a vector, not a map of {show(inputs[0])}", "flatten or pool the map first"
            )
        return (self.features,)

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        return _trained(Parameter((self.features, inputs[0][0]), self.role), self.bias, self.weight_norm)

    def macs(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.features

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return _built(nn.Linear(inputs[0][0], self.features, bias=self.bias), self.weight_norm)


class Flatten(Primitive):
    """(C, H, W) to (C*H*W,), channels first."""

    key = "flatten"

    def output(self, *inputs: Shape) -> Shape:
        return (math.prod(inputs[0]),)

    def window(self, *inputs: Shape) -> Window | None:
        return Window((inputs[0][1], inputs[0][2])) if len(inputs[0]) == 3 else None

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.Flatten()


class GlobalAverage(Primitive):
    """Mean over all positions of each channel: (C, H, W) to (C,), whatever the size."""

    key = "global_average"

    def output(self, *inputs: Shape) -> Shape:
        return (_map(inputs[0], "global average pooling", "behind linear layers the head is flatten")[0],)

    def window(self, *inputs: Shape) -> Window:
        return Window((inputs[0][1], inputs[0][2]))

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import GlobalAverage

        return GlobalAverage()


class Drop(Primitive):
    """Inverted dropout: identity in evaluation mode."""

    key = "dropout"
    rate: float

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.Dropout(self.rate)


class UnitLength(Primitive):
    """Vectors brought to length 1."""

    key = "unit_length"

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import UnitLength

        return UnitLength()


class Add(Primitive):
    """Element-wise sum of maps of one shape."""

    key = "add"

    def output(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) > 1:
            raise ShapeError(
                "a sum needs equal shapes",
                f"end all in {show(inputs[0])}, by channels or a projection shortcut, and by stride and padding",
            )
        return inputs[0]

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import Add

        return Add()


class Concat(Primitive):
    """Maps of equal height and width stacked along the channels."""

    key = "concat"

    def output(self, *inputs: Shape) -> Shape:
        if len({shape[1:] for shape in inputs}) > 1:
            size = "a vector" if len(inputs[0]) == 1 else f"maps of {show(inputs[0][1:])}"
            raise ShapeError(
                "paths to concatenate need equal height and width",
                f"end every path in {size} by its strides and padding",
            )
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import Concat

        return Concat()


class PadChannels(Primitive):
    """Every stride-th position, then zero channels behind the existing ones."""

    key = "pad_channels"
    channels: int
    stride: tuple[int, int] = (1, 1)

    def output(self, *inputs: Shape) -> Shape:
        incoming, height, width = _map(inputs[0], "a padded shortcut")
        if incoming > self.channels:
            raise ShapeError(
                f"a padded shortcut cannot go from {incoming} to {self.channels} channels",
                f"at least {incoming} channels, or shortcut: projection",
            )
        return (self.channels, (height - 1) // self.stride[0] + 1, (width - 1) // self.stride[1] + 1)

    def window(self, *inputs: Shape) -> Window:
        return Window((1, 1), self.stride)

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import PadChannels

        return PadChannels(self.channels - inputs[0][0], self.stride)


def _trained(weight: Parameter, bias: bool, weight_norm: bool) -> dict[str, Parameter]:
    """The parameters of a convolution or linear layer; weight norm holds length and direction of each filter."""
    filters = weight.shape[0]
    found = {"weight": weight}
    if weight_norm:
        length = Parameter((filters, *(1 for _ in weight.shape[1:])), "norm")
        found = {"parametrizations.weight.original0": length, "parametrizations.weight.original1": weight}
    return {**found, "bias": Parameter((filters,), "bias")} if bias else found


def _built(module: "nn.Module", weight_norm: bool) -> "nn.Module":
    """The module, its weight as length and direction where asked."""
    if not weight_norm:
        return module
    from torch.nn.utils.parametrizations import weight_norm as normalized

    return normalized(module)


def show(shape: Shape) -> str:
    """A shape as people write it: 64x8x8."""
    return "x".join(map(str, shape))


def window_shape(
    size: tuple[int, int], window: Window, padding: tuple[int, int, int, int], ceil: bool = False
) -> tuple[int, int]:
    """(height, width) after a sliding window; raises ShapeError when the kernel is larger than the padded map."""
    height = slide(size[0], window.kernel[0], window.stride[0], *padding[:2], window.dilation[0], ceil)
    width = slide(size[1], window.kernel[1], window.stride[1], *padding[2:], window.dilation[1], ceil)
    if height < 1 or width < 1:
        largest = min(
            (size[0] + sum(padding[:2]) - 1) // window.dilation[0] + 1,
            (size[1] + sum(padding[2:]) - 1) // window.dilation[1] + 1,
        )
        raise ShapeError(
            f"kernel {show(window.kernel)} does not fit into the {show(size)} map"
            + (f" with padding {max(padding)}" if any(padding) else ""),
            f"largest kernel that fits: {largest}; or less stride before this layer",
            "kernel",
        )
    return height, width


def _map(shape: Shape, who: str, hint: str = "place it before flattening") -> Shape:
    if len(shape) != 3:
        raise ShapeError(f"{who} takes a map, not a vector of {shape[0]} features", hint)
    return shape
