"""Units: convolutions with their norm and activation, and the shuffle between grouped ones."""

from typing import Literal

from pydantic import Field

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.convolution import Convolution, Filters, ShuffledGrouped, Standard
from cnnwiz.catalog.initialization import Initialization
from cnnwiz.catalog.layer import Channels, Layer, Net, Order, Padding, Size, Tap
from cnnwiz.catalog.normalization import Normalization
from cnnwiz.catalog.operation import pair
from cnnwiz.catalog.rearrange import Shuffle2d


class Unit(Layer):
    """A convolution with its norm and activation, in the order of `model.defaults.order`: what `conv` and `pointwise`
    share."""

    bias: bool | None = Field(
        default=None, description="add a bias; without this key only where no norm makes it redundant"
    )
    norm: Normalization | None = Field(default=None, description="without this key model.defaults.norm")
    activation: Activation | None = Field(default=None, description="without this key model.defaults.activation")
    order: Order | None = Field(default=None, description="without this key model.defaults.order")
    init: Initialization | None = Field(default=None, description="without this key model.defaults.init")

    def convolve(self, net: Net, source: Tap, bias: bool) -> Tap:
        """The convolution alone."""
        raise NotImplementedError(f"{type(self).__name__}.convolve")

    def wire(self, net: Net, source: Tap) -> Tap:
        norm, order = self.norm or net.norm, self.order or net.order
        # Behind an activation a norm's shift does not stand in for the bias in front of it.
        bias = not norm.shifts or order == "conv-act-norm" if self.bias is None else self.bias
        for step in order.split("-"):
            if step == "conv":
                source = self.convolve(net, source, bias)
            elif step == "norm":
                source = net.add(norm, source, name="norm")
            else:
                source = net.add(self.activation or net.activation, source, name="act")
        return source

    def pieces(self, net: Net) -> int:
        """How many times as wide the convolution is for the activation behind it, so that the unit ends in `channels`:
        more than 1 for maxout."""
        order = self.order or net.order
        return (self.activation or net.activation).inputs() if order.startswith("conv") else 1


class Conv(Unit):
    """A convolution with its norm and activation, in the order of `model.defaults.order`.

    Use: everywhere; 3x3 is the best-documented kernel, 1x1 mixes channels only.

    Avoid: kernels of 7 and more behind the first layers: two or three 3x3 see as much with fewer weights.

    Cost: H * W * C_in * C_out * k * k / groups multiply-adds.
    """

    key = "conv"
    papers = ("arXiv:1409.1556",)
    evidence = ("conv1_nin1",)

    channels: Channels = Field(description="output channels")
    kernel: Size = Field(default=3, description="side of the window, or [height, width]")
    stride: Size = Field(default=1, description="step of the window")
    padding: Padding = Field(
        default="same", description="same, valid, a number, [height, width] or [top, bottom, left, right]"
    )
    dilation: Size = Field(default=1, description="distance between the taps of the kernel")
    groups: Channels | Literal["depthwise"] | None = Field(
        default=None,
        description="groups of channels that do not see each other, or depthwise: as many as input channels; "
        "without this key 1, or those of the kind",
    )
    kind: Convolution | None = Field(
        default=None, description="which convolution; without this key model.defaults.conv"
    )

    def convolve(self, net: Net, source: Tap, bias: bool) -> Tap:
        filters = Filters(
            self.channels * self.pieces(net),
            pair(self.kernel),
            pair(self.stride),
            self.padding,
            pair(self.dilation),
            source.shape[0] if self.groups == "depthwise" else self.groups,
            bias,
            self.init,
        )
        return (self.kind or net.convolution).wire(net, source, filters)


class Pointwise(Unit):
    """A 1x1 convolution with its norm and activation: one linear map of the channels, the same at every position.

    Use: to mix channels, to reduce them before a costly convolution and widen them behind it; two behind a convolution
    make the mlpconv of Network in Network.

    Avoid: groups without a shuffle behind: they never meet.

    Cost: H * W * C_in * C_out / groups multiply-adds.
    """

    key = "pointwise"
    papers = ("arXiv:1312.4400",)
    evidence = ("conv1_nin1",)

    channels: Channels = Field(description="output channels")
    stride: Size = Field(default=1, description="step; 2 takes every second position")
    groups: Channels = Field(default=1, description="groups of channels that do not see each other")
    shuffle: bool = Field(default=False, description="deal the output channels out to the groups, as in ShuffleNet")

    def convolve(self, net: Net, source: Tap, bias: bool) -> Tap:
        channels = self.channels * self.pieces(net)
        filters = Filters(channels, (1, 1), pair(self.stride), 0, (1, 1), self.groups, bias, self.init)
        return (ShuffledGrouped() if self.shuffle else Standard()).wire(net, source, filters)


class Shuffle(Layer):
    """Channel shuffle: channels seen as (groups, n) and read as (n, groups), so that groups meet.

    Use: between grouped convolutions; behind the two halves of a ShuffleNetV2 unit.

    Avoid: 1 group, or as many as channels: nothing moves.

    Cost: one copy of the map.
    """

    key = "shuffle"
    papers = ("arXiv:1707.01083", "arXiv:1807.11164")

    groups: Channels = Field(default=2, description="groups that are dealt out")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(Shuffle2d(groups=self.groups), source, name="shuffle")
