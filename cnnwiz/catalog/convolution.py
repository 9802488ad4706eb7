"""Convolutions: the ways to turn one map into another with trained filters."""

from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field, model_validator

from cnnwiz.catalog.activation import Activation, NoActivation
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.initialization import Initialization
from cnnwiz.catalog.layer import Channels, Net, Padding, Tap, sides
from cnnwiz.catalog.normalization import NoNorm, Normalization
from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.catalog.rearrange import Shuffle2d

if TYPE_CHECKING:
    from typing_extensions import Self


class Filters(NamedTuple):
    """What a `conv` layer asks for, whichever convolution does it."""

    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding
    dilation: tuple[int, int]
    groups: int | None
    bias: bool
    init: Initialization | None = None  # of every weight it makes

    def operation(self) -> Convolution2d:
        """The plain convolution with these parameters."""
        return Convolution2d(
            channels=self.channels,
            kernel=self.kernel,
            stride=self.stride,
            padding=sides(self.padding, self.kernel, self.dilation),
            dilation=self.dilation,
            groups=self.groups or 1,
            bias=self.bias,
            init=self.init,
        )

    def pointwise(self) -> "Filters":
        """The 1x1 convolution to the same channels: no window, no stride."""
        return self._replace(kernel=(1, 1), stride=(1, 1), padding=0, dilation=(1, 1))

    def vertical(self) -> "Filters":
        """The column of the window, kernel x 1, with the stride along the height."""
        top, bottom, _, _ = sides(self.padding, self.kernel, self.dilation)
        kernel, stride, dilation = (self.kernel[0], 1), (self.stride[0], 1), (self.dilation[0], 1)
        return self._replace(kernel=kernel, stride=stride, padding=(top, bottom, 0, 0), dilation=dilation)

    def horizontal(self) -> "Filters":
        """The row of the window, 1 x kernel, with the stride along the width."""
        _, _, left, right = sides(self.padding, self.kernel, self.dilation)
        kernel, stride, dilation = (1, self.kernel[1]), (1, self.stride[1]), (1, self.dilation[1])
        return self._replace(kernel=kernel, stride=stride, padding=(0, 0, left, right), dilation=dilation)


class Convolution(Choice):
    """How a `conv` layer computes its output."""

    section = "convolution"

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        """Add the operations that make `filters.channels` output channels."""
        raise NotImplementedError(f"{type(self).__name__}.wire")


class Standard(Convolution):
    """Usual convolution: each filter sees all input channels (of its group) in a kernel-sized window.

    Use: the default; 3x3 kernels stacked cover the field of a larger one with fewer weights and more activations.

    Avoid: where multiply-adds decide: a 3x3 depthwise separable convolution costs about an eighth.

    Cost: H * W * C_in * C_out * k * k / groups multiply-adds.
    """

    key = "standard"
    papers = ("LeCun, Bottou, Bengio, Haffner: Proc. IEEE 1998", "arXiv:1409.1556")

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        return net.add(filters.operation(), source, name="conv")


class Separable(Convolution):
    """Depthwise separable convolution: one window per channel and a 1x1 convolution over all channels, in either order.
    A 1x1 kernel has no window to separate: the 1x1 convolution remains.

    Use: small budgets. MobileNet is depthwise-first with norm and activation between, Xception with nothing between;
    pointwise-first is the order of "extreme Inception".

    Avoid: layers with few channels, the first one above all; decay of the depthwise weights (MobileNet has little or
    none).

    Cost: H * W * C_in * (k * k + C_out) multiply-adds: 1 / C_out + 1 / (k * k) of the usual.
    """

    key = "separable"
    papers = ("arXiv:1610.02357", "arXiv:1704.04861")

    order: Literal["depthwise-first", "pointwise-first"] = Field(
        default="depthwise-first", description="the window per channel before or behind the 1x1 convolution"
    )
    multiplier: int = Field(default=1, ge=1, le=64, description="filters for each input channel (depthwise-first only)")
    norm: Normalization = Field(default=NoNorm(), description="between the two")
    activation: Activation = Field(default=NoActivation(), description="between the two, behind that norm")

    @model_validator(mode="after")
    def _multiplied(self) -> "Self":
        if self.multiplier > 1 and self.order == "pointwise-first":
            raise ValueError("multiplier belongs to depthwise-first; pointwise-first takes as many filters as channels")
        return self

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        if filters.kernel == (1, 1) and filters.stride == (1, 1):
            return net.add(filters.operation(), source, name="conv")
        # A bias that only the next linear half sees would be one more way to write that half's own.
        inner = filters.bias and not self.norm.shifts and not isinstance(self.activation, NoActivation)
        if self.order == "depthwise-first":
            channels = source.shape[0] * self.multiplier
            window = filters._replace(channels=channels, groups=source.shape[0], bias=inner)
            steps = (("depthwise", window), ("pointwise", filters.pointwise()))
        else:
            window = filters._replace(groups=filters.channels)
            steps = (("pointwise", filters.pointwise()._replace(bias=inner)), ("depthwise", window))
        return _pair(net, source, steps, self.norm, self.activation)


class Asymmetric(Convolution):
    """A k x k window as a pair: 1 x k, then k x 1 (or the other way round), both over all channels. A window one pixel
    wide is one already and stays a usual convolution.

    Use: kernels of 7 on maps of 12 to 20 px (Inception v3), with norm and activation between.

    Avoid: the first layers, where Inception's authors found it not to work well; 3x3 kernels, which save a third only.

    Cost: 2 / k of the usual convolution at equal channels.
    """

    key = "asymmetric"
    papers = ("arXiv:1512.00567",)

    first: Literal["horizontal", "vertical"] = Field(default="horizontal", description="which of the two comes first")
    norm: Normalization = Field(default=NoNorm(), description="between the two")
    activation: Activation = Field(default=NoActivation(), description="between the two, behind that norm")

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        if 1 in filters.kernel:
            return net.add(filters.operation(), source, name="conv")
        inner = filters.bias and not self.norm.shifts and not isinstance(self.activation, NoActivation)
        if self.first == "horizontal":
            steps = ("horizontal", filters.horizontal()._replace(bias=inner)), ("vertical", filters.vertical())
        else:
            steps = ("vertical", filters.vertical()._replace(bias=inner)), ("horizontal", filters.horizontal())
        return _pair(net, source, steps, self.norm, self.activation)


class Flattened(Convolution):
    """Flattened convolution: stages of a 1x1 convolution over all channels, then k x 1 and 1 x k per channel, nothing
    between. Each stage's filters have rank 1, hence two stages in the paper.

    Use: strong compression of layers with many channels.

    Avoid: the first layer, whose 3 channels leave nothing to gain; an activation inside, which the paper does not have.

    Cost: H * W * C_out * (C_in + 2 * k) multiply-adds for the first stage, with C_out for C_in in the second.
    """

    key = "flattened"
    papers = ("arXiv:1412.5474",)

    stages: int = Field(default=2, ge=1, le=8, description="times the three steps are done; stride counts in the first")

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        if filters.kernel == (1, 1) and filters.stride == (1, 1):
            return net.add(filters.operation(), source, name="conv")
        channels = filters.channels
        for stage in range(self.stages):
            scope = net.scope(f"stage{stage + 1}")
            source = scope.add(filters.pointwise().operation(), source, name="lateral")
            window = filters._replace(groups=channels, stride=(1, 1) if stage else filters.stride)
            source = scope.add(window.vertical().operation(), source, name="vertical")
            source = scope.add(window.horizontal().operation(), source, name="horizontal")
        return source


class Grouped(Convolution):
    """Grouped convolution: the channels in groups, each convolved on its own. A layer's own `groups` counts more.

    Use: more channels at equal cost: two groups in AlexNet, 32 in the bottlenecks of ResNeXt.

    Avoid: one grouped convolution after the other without 1x1 convolution or shuffle: the groups never meet.

    Cost: 1 / groups of the usual convolution.
    """

    key = "grouped"
    papers = ("Krizhevsky, Sutskever, Hinton: NIPS 2012", "arXiv:1611.05431")

    groups: Channels = Field(default=2, description="groups; they divide the channels of input and output")

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        return net.add(filters._replace(groups=filters.groups or self.groups).operation(), source, name="conv")


class ShuffledGrouped(Convolution):
    """Grouped convolution whose output channels are dealt out, so that each group of the next sees one of every group.
    A layer's own `groups` counts more.

    Use: the first of two grouped 1x1 convolutions, as in ShuffleNet.

    Avoid: inputs of few channels: ShuffleNet's first unit keeps its first 1x1 convolution whole.

    Cost: 1 / groups of the usual convolution, and one copy of the map.
    """

    key = "shuffled_grouped"
    papers = ("arXiv:1707.01083",)

    groups: Channels = Field(default=3, description="groups; they divide the channels of input and output")

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        groups = filters.groups or self.groups
        tap = net.add(filters._replace(groups=groups).operation(), source, name="conv")
        return net.add(Shuffle2d(groups=groups), tap, name="shuffle")


def _pair(
    net: Net, source: Tap, steps: tuple[tuple[str, Filters], ...], norm: Normalization, activation: Activation
) -> Tap:
    """Two named convolutions with norm and activation between."""
    (first, before), (second, behind) = steps
    between = net.scope("between")  # the layer has a norm and an activation of its own
    source = net.add(before.operation(), source, name=first)
    source = between.add(norm, source, name="norm")
    source = between.add(activation, source, name="act")
    return net.add(behind.operation(), source, name=second)


CONVOLUTIONS: tuple[type[Convolution], ...] = (Standard, Separable, Grouped, ShuffledGrouped, Asymmetric, Flattened)
