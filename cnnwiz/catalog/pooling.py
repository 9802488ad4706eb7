"""Poolings: the ways to make a map smaller, or to smooth it, without mixing channels."""

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.layer import Net, Tap
from cnnwiz.catalog.operation import Shape, ShapeError, Window
from cnnwiz.catalog.primitive import Add, Convolution2d, Primitive, window_shape

if TYPE_CHECKING:
    from torch import nn


class PoolWindow(NamedTuple):
    """What a `pool` layer asks for, whichever pooling does it."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    ceil: bool


class Pooling(Choice):
    """How a `pool` layer summarizes its window."""

    section = "pooling"

    def wire(self, net: Net, source: Tap, window: PoolWindow) -> Tap:
        """Add the operations that pool each channel of `source`."""
        raise NotImplementedError(f"{type(self).__name__}.wire")


class Pool2d(Primitive):
    """One sliding-window pooling; padding is never part of a maximum."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    ceil: bool = False

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 3:
            raise ShapeError("pooling takes a map, not a vector", "place it before flattening")
        top, bottom, left, right = self.padding
        if top != bottom or left != right:
            raise ShapeError(
                "pooling takes the same padding on opposite sides",
                f"write [{max(top, bottom)}, {max(left, right)}]",
                "padding",
            )
        if top * 2 > self.kernel[0] or left * 2 > self.kernel[1]:
            most = min(self.kernel) // 2 if self.kernel[0] == self.kernel[1] else [side // 2 for side in self.kernel]
            raise ShapeError(f"padding {max(top, left)} is more than half the kernel", f"at most {most}", "padding")
        return (inputs[0][0], *window_shape(inputs[0][1:], self.window(), self.padding, self.ceil))

    def window(self, *inputs: Shape) -> Window:
        top, _, left, _ = self.padding
        return Window(self.kernel, self.stride, padding=(top, left))


class MaxPool2d(Pool2d):
    """Largest value of each window."""

    key = "max"

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        top, _, left, _ = self.padding  # equal on opposite sides
        return nn.MaxPool2d(self.kernel, self.stride, (top, left), ceil_mode=self.ceil)


class AveragePool2d(Pool2d):
    """Mean of each window."""

    key = "average"
    count_padding: bool = True

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        top, _, left, _ = self.padding
        return nn.AvgPool2d(
            self.kernel,
            self.stride,
            (top, left),
            ceil_mode=self.ceil,
            count_include_pad=self.count_padding,
        )


class StochasticPool2d(Pool2d):
    """One value of each window, drawn with probability in proportion to it; in evaluation their mean so weighted."""

    key = "stochastic"

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import StochasticPool2d

        size = self.output(*inputs)[1:]
        top, _, left, _ = self.padding
        # Behind the map as much as the last window needs: less than `padding`, or more with `ceil`.
        bottom, right = (
            (count - 1) * stride + kernel - before - extent
            for count, stride, kernel, before, extent in zip(
                size, self.stride, self.kernel, (top, left), inputs[0][1:], strict=True
            )
        )
        return StochasticPool2d(self.kernel, self.stride, (left, right, top, bottom), (size[0], size[1]))


class Max(Pooling):
    """Max pooling: the largest value of each window.

    Use: the default inside the trunk; keeps the strongest response wherever in the window it is.

    Avoid: nothing measured speaks against it; the sum with average pooling gained 1.2 points on CaffeNet.

    Cost: no parameters; one comparison per value of the window.
    """

    key = "max"
    evidence = ("pool_max_plus_avg", "pool_avg")

    def wire(self, net: Net, source: Tap, window: PoolWindow) -> Tap:
        return net.add(MaxPool2d(**window._asdict()), source, name="max")


class Average(Pooling):
    """Average pooling: the mean of each window.

    Use: inside Inception branches, in DenseNet transitions, as the last layer over the whole map (the `average` head).

    Avoid: as the only pooling of a plain trunk: 3.6 points below max pooling on CaffeNet.

    Cost: no parameters; one addition per value of the window.
    """

    key = "average"
    evidence = ("pool_avg",)

    count_padding: bool = Field(default=True, description="whether padded zeros count in the mean")

    def wire(self, net: Net, source: Tap, window: PoolWindow) -> Tap:
        pool = AveragePool2d(**window._asdict(), count_padding=self.count_padding)
        return net.add(pool, source, name="average")


class MaxPlusAvg(Pooling):
    """Sum of max pooling and average pooling of the same window.

    Use: plain trunks with few pooling layers: +1.2 points over max pooling on CaffeNet, without a parameter.

    Avoid: expecting it in other architectures: measured on one network, one seed.

    Cost: both poolings and one addition.
    """

    key = "max_plus_avg"
    papers = ("arXiv:1606.02228",)
    evidence = ("pool_max_plus_avg",)

    def wire(self, net: Net, source: Tap, window: PoolWindow) -> Tap:
        largest = net.add(MaxPool2d(**window._asdict()), source, name="max")
        mean = net.add(AveragePool2d(**window._asdict()), source, name="average")
        return net.add(Add(), largest, mean, name="sum")


class Stochastic(Pooling):
    """Stochastic pooling: in training one value of each window, drawn with probability in proportion to it (negative
    ones count as 0); in evaluation the mean weighted by these probabilities.

    Use: behind ReLU, as a regularizer in place of dropout, on small data sets.

    Avoid: large data sets: it lost 3.3 points on CaffeNet, which underfitted.

    Cost: no parameters; a copy of every window and one random number for each.
    """

    key = "stochastic"
    papers = ("arXiv:1301.3557",)
    evidence = ("pool_stochastic",)

    def wire(self, net: Net, source: Tap, window: PoolWindow) -> Tap:
        return net.add(StochasticPool2d(**window._asdict()), source, name="stochastic")


class StridedConv(Pooling):
    """Strided convolution instead of pooling: a trained kernel x kernel convolution to as many channels, then the
    default norm and activation. With stride equal to the kernel the windows do not overlap.

    Use: where the network should learn how to downsample; all-convolutional networks.

    Avoid: small budgets: it matched max pooling on CaffeNet (+0.1 points) and costs C * C * k * k parameters.

    Cost: a full convolution; rows left over when the size is not a multiple of the stride are dropped.
    """

    key = "strided_conv"
    papers = ("arXiv:1412.6806",)
    evidence = ("pool_none_strided",)

    def wire(self, net: Net, source: Tap, window: PoolWindow) -> Tap:
        kernel, stride, padding, _ = window
        operation = Convolution2d(
            channels=source.shape[0], kernel=kernel, stride=stride, padding=padding, bias=not net.norm.shifts
        )
        tap = net.add(operation, source, name="conv")
        tap = net.add(net.norm, tap, name="norm")
        return net.add(net.activation, tap, name="act")


POOLINGS: tuple[type[Pooling], ...] = (Max, Average, MaxPlusAvg, Stochastic, StridedConv)
