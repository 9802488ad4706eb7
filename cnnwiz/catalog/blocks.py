"""Blocks: compositions of fixed layers that have a name in the literature."""

from pydantic import Field

from cnnwiz.catalog.activation import Activation, NoActivation
from cnnwiz.catalog.convolution import Standard
from cnnwiz.catalog.layer import Channels, Layer, Net, Size, Tap, sides
from cnnwiz.catalog.layers import Pool
from cnnwiz.catalog.operation import pair
from cnnwiz.catalog.primitive import Concat, Convolution2d
from cnnwiz.catalog.rearrange import Gate
from cnnwiz.catalog.shortcut import Identity, Projection, Shortcut, add_shortcut
from cnnwiz.catalog.unit import Conv, Pointwise


class Basic(Layer):
    """Residual block of two 3x3 convolutions, as in ResNet-18 and ResNet-34. In the order norm-act-conv the
    pre-activation block, whose first norm and activation feed the projection too.

    Use: up to about 34 layers; 32 px images (ResNet-20); wide residual networks.

    Avoid: 50 layers and more, where bottlenecks see more per multiply-add.

    Cost: 18 * C * C multiply-adds per position at constant width.
    """

    key = "basic"
    papers = ("arXiv:1512.03385", "arXiv:1603.05027", "arXiv:1605.07146")

    channels: Channels = Field(description="output channels")
    stride: Size = Field(default=1, description="step of the first convolution")
    shortcut: Shortcut = Field(default=Projection(), description="what carries the input to the sum")

    def wire(self, net: Net, source: Tap) -> Tap:
        layers = (Conv(channels=self.channels, stride=self.stride), Conv(channels=self.channels, activation=_last(net)))
        return add_shortcut(net, chain(net, layers, source), source, self.shortcut)


class Bottleneck(Layer):
    """Residual block of 1x1, 3x3 and 1x1 convolutions, narrow in the middle, as in ResNet-50.

    Use: 50 layers and more.

    Avoid: small images and few layers: `basic` is simpler and as good there.

    Cost: about 17/16 * C * C multiply-adds per position at constant channels and a quarter of them in the middle.
    """

    key = "bottleneck"
    papers = ("arXiv:1512.03385", "arXiv:1611.05431")

    channels: Channels = Field(description="output channels")
    width: Channels | None = Field(
        default=None, description="channels in the middle; without this key a quarter of `channels`"
    )
    stride: Size = Field(default=1, description="step of the 3x3 convolution")
    groups: Channels = Field(default=1, description="groups of the 3x3 convolution (32 in ResNeXt-50)")
    shortcut: Shortcut = Field(default=Projection(), description="what carries the input to the sum")

    def wire(self, net: Net, source: Tap) -> Tap:
        width = self.width or max(self.channels // 4, 1)
        layers = (
            Conv(channels=width, kernel=1),
            Conv(channels=width, stride=self.stride, groups=self.groups),
            Conv(channels=self.channels, kernel=1, activation=_last(net)),
        )
        return add_shortcut(net, chain(net, layers, source), source, self.shortcut)


class InvertedResidual(Layer):
    """Residual block that is wide in the middle: 1x1 to `expansion` times the channels, a depthwise convolution, 1x1
    without activation; the input is added where channels and size stay. Expansion 1 has no first 1x1.

    Use: MobileNetV2 and its kin, with relu capped at 6.

    Avoid: few input channels; GPUs, on which depthwise convolutions wait for memory.

    Cost: C * expansion * (C + k * k + C_out) multiply-adds per position.
    """

    key = "inverted_residual"
    papers = ("arXiv:1801.04381",)

    channels: Channels = Field(description="output channels")
    expansion: int = Field(default=6, ge=1, le=64, description="channels in the middle for each input channel")
    kernel: Size = Field(default=3, description="side of the depthwise window, or [height, width]")
    stride: Size = Field(default=1, description="step of the depthwise convolution")

    def wire(self, net: Net, source: Tap) -> Tap:
        width = source.shape[0] * self.expansion
        widen = (Pointwise.model_construct(channels=width),) if self.expansion > 1 else ()
        window = Conv(channels=1, kernel=self.kernel, stride=self.stride, groups="depthwise", kind=Standard())
        layers = (
            *widen,
            window.model_copy(update={"channels": width}),  # unchecked: computed widths may pass the limit of the key
            Pointwise(channels=self.channels, activation=_last(net)),
        )
        body = chain(net, layers, source)
        stays = body.shape == source.shape
        return add_shortcut(net, body, source, Identity(), NoActivation()) if stays else body


class Inception(Layer):
    """Inception module: 1x1; 1x1 and 3x3; 1x1 and 5x5; 3x3 pooling and 1x1 in parallel, concatenated in this order.

    Use: GoogLeNet, whose table gives these numbers; other modules are `branches`, a residual one is `branches` in a
    `residual`, a dense one `branches` in a `dense`.

    Avoid: adding batch norm to GoogLeNet without tuning again: four such attempts lost 1.2 to 3.5 points.

    Cost: the sum of its paths.
    """

    key = "inception"
    papers = ("arXiv:1409.4842",)
    evidence = ("gln_bn_before_lsuv", "gln_res")

    conv1: Channels = Field(description="channels of the 1x1 path")
    conv3: tuple[Channels, Channels] = Field(description="channels of the 1x1 and the 3x3 of the second path")
    conv5: tuple[Channels, Channels] = Field(description="channels of the 1x1 and the 5x5 of the third path")
    pool: Channels = Field(description="channels of the 1x1 behind the pooling")
    widest: Size = Field(default=5, description="side of the third path's window; 3 in torchvision's GoogLeNet")

    def wire(self, net: Net, source: Tap) -> Tap:
        paths = (
            (Conv(channels=self.conv1, kernel=1),),
            (Conv(channels=self.conv3[0], kernel=1), Conv(channels=self.conv3[1])),
            (Conv(channels=self.conv5[0], kernel=1), Conv(channels=self.conv5[1], kernel=self.widest)),
            (Pool(kernel=3), Conv(channels=self.pool, kernel=1)),
        )
        ends = [chain(net.scope(f"path{index}"), path, source) for index, path in enumerate(paths)]
        return net.add(Concat(), *ends, name="concat")


class Fire(Layer):
    """Fire module: 1x1 to few channels (squeeze), then 1x1 and 3x3 in parallel (expand), concatenated.

    Use: SqueezeNet; few parameters at the accuracy of AlexNet.

    Avoid: where time counts more than parameters.

    Cost: squeeze * (C_in + 10 * expand) multiply-adds per position.
    """

    key = "fire"
    papers = ("arXiv:1602.07360",)
    evidence = ("arch_squeezenet128_elu",)

    squeeze: Channels = Field(description="channels of the first 1x1")
    expand: Channels = Field(description="channels of each of the two parallel convolutions")

    def wire(self, net: Net, source: Tap) -> Tap:
        narrow = Conv(channels=self.squeeze, kernel=1).wire(net.scope("squeeze"), source)
        ends = [Conv(channels=self.expand, kernel=k).wire(net.scope(f"expand{k}"), narrow) for k in (1, 3)]
        return net.add(Concat(), *ends, name="concat")


class Highway(Layer):
    """Highway layer: y = H * T + x * (1 - T), with H a convolution and its activation and T the sigmoid of another
    convolution. Its bias starts below 0, so that the network begins by carrying.

    Use: to reproduce gated depth; `branches` with merge: gate takes any transform and any gate.

    Avoid: where a residual block does the same with half of the parameters; changes of channels or size, which need a
    plain convolution or pooling between.

    Cost: 2 * C * C * k * k multiply-adds per position.
    """

    key = "highway"
    papers = ("arXiv:1505.00387", "arXiv:1507.06228")

    kernel: Size = Field(default=3, description="side of both windows, or [height, width]")
    gate_bias: float = Field(default=-2.0, ge=-30, lt=0, description="where the gate's bias starts")

    def wire(self, net: Net, source: Tap) -> Tap:
        channels, kernel = source.shape[0], pair(self.kernel)
        unit = Conv.model_construct(channels=channels, kernel=self.kernel)  # unchecked, as the input may be wider
        transform = unit.wire(net.scope("transform"), source)
        gate = Convolution2d(channels=channels, kernel=kernel, padding=sides("same", kernel), gate_bias=self.gate_bias)
        return net.add(Gate(), transform, net.add(gate, source, name="gate"), source, name="mix")


def chain(net: Net, layers: tuple[Layer, ...], source: Tap) -> Tap:
    """A block's own layers one after the other, named conv1, conv2, ..."""
    for index, layer in enumerate(layers, 1):
        source = layer.wire(net.scope(f"conv{index}"), source)
    return source


def _last(net: Net) -> Activation | None:
    """The activation of a body's last convolution: none before the sum, unless the order puts it in front."""
    return NoActivation() if net.order.startswith("conv") else None
