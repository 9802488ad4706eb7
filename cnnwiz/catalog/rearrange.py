"""Operations that take channels apart, reorder, scale or weigh maps; like other primitives no user names them."""

from typing import TYPE_CHECKING

from cnnwiz.catalog.operation import Shape, ShapeError, Window, divisors
from cnnwiz.catalog.primitive import Primitive, show

if TYPE_CHECKING:
    from torch import nn


class Shuffle2d(Primitive):
    """Channels seen as (groups, n) and read as (n, groups): 0..5 in 3 groups become 0, 2, 4, 1, 3, 5."""

    key = "shuffle"
    groups: int

    def output(self, *inputs: Shape) -> Shape:
        if inputs[0][0] % self.groups:
            raise ShapeError(
                f"{inputs[0][0]} channels cannot be dealt out to {self.groups} groups",
                f"nearest that work: {divisors(inputs[0][0], self.groups)}",
                "groups",
            )
        return inputs[0]

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.ChannelShuffle(self.groups)


class Slice(Primitive):
    """The channels from `start` up to `stop`, of `total`."""

    key = "slice"
    start: int
    stop: int
    total: int

    def output(self, *inputs: Shape) -> Shape:
        if inputs[0][0] != self.total:
            raise ShapeError(
                f"the parts hold {self.total} channels, not {inputs[0][0]}",
                f"shares that sum to {inputs[0][0]}, or channels that the number of paths divides",
            )
        if not self.start < self.stop <= self.total:
            raise ShapeError(
                f"there are no channels {self.start} to {self.stop} in {show(inputs[0])}",
                f"more than {self.start} channels are needed",
            )
        return (self.stop - self.start, *inputs[0][1:])

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import Slice

        return Slice(self.start, self.stop)


class Scale(Primitive):
    """Every value times a constant."""

    key = "scale"
    factor: float

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import Scale

        return Scale(self.factor)


class Multiply(Primitive):
    """Element-wise product; a 1x1 map weighs all positions of its channel."""

    key = "multiply"

    def output(self, *inputs: Shape) -> Shape:
        largest = max(inputs)
        if any(shape != largest and shape != (largest[0], *(1 for _ in largest[1:])) for shape in inputs):
            raise ShapeError("a product needs equal shapes, or maps of 1x1", f"end every path in {show(largest)}")
        return largest

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import Multiply

        return Multiply()


class Gate(Primitive):
    """h * T + x * (1 - T) with T = sigmoid(t), for inputs h, t, x of one shape."""

    key = "gate"

    def output(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) > 1:
            raise ShapeError(
                "a gate needs equal shapes of transform, gate and carried input",
                f"end all in {show(inputs[-1])}; where channels or size change, place a plain conv or pool in front",
            )
        return inputs[0]

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import Gate

        return Gate()


class AdaptivePool2d(Primitive):
    """Pooling to a map of `size` positions: windows of about equal extent that cover the input."""

    key = "adaptive"
    size: tuple[int, int]
    largest: bool = False

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 3:
            raise ShapeError("pooling takes a map, not a vector", "place it before flattening")
        return (inputs[0][0], *self.size)

    def window(self, *inputs: Shape) -> Window:
        (_, height, width), (rows, columns) = inputs[0], self.size
        return Window((-(-height // rows), -(-width // columns)), (max(height // rows, 1), max(width // columns, 1)))

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return (nn.AdaptiveMaxPool2d if self.largest else nn.AdaptiveAvgPool2d)(self.size)
