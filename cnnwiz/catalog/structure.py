"""Structure: layers made of layers. The compositions take any layers; the blocks are compositions with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.activation import Activation, NoActivation
from cnnwiz.catalog.layer import Channels, Layer, Size
from cnnwiz.catalog.layers import Conv
from cnnwiz.catalog.primitive import Add, Concat
from cnnwiz.catalog.shortcut import Projection, Shortcut

if TYPE_CHECKING:
    from cnnwiz.catalog.layer import Net, Tap


class Repeat(Layer):
    """The same sequence of layers several times in a row.

    Use: stages of a published table: `repeat: {times: 6, layers: [...]}`.

    Avoid: a single layer: every layer has its own `repeat`.

    Cost: `times` times that of its layers.
    """

    key: ClassVar[str] = "repeat"

    times: int = Field(ge=1, le=1000, description="how many times in a row")
    layers: tuple[Layer, ...] = Field(min_length=1, description="what is repeated")

    def wire(self, net: Net, source: Tap) -> Tap:
        for index in range(self.times):
            source = net.scope(str(index), "layers").wire(self.layers, source)
        return source


class Branches(Layer):
    """Parallel paths from one input, merged by concatenation or sum; an empty path is the input itself.

    Use: Inception modules, fire modules, any block with several kernel sizes.

    Avoid: paths whose sizes differ: all need the same stride and padding result.

    Cost: the sum of its paths.
    """

    key: ClassVar[str] = "branches"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1409.4842",)

    paths: tuple[tuple[Layer, ...], ...] = Field(min_length=2, description="the paths, each a list of layers")
    merge: Literal["concat", "add"] = Field(default="concat", description="how the paths become one map")

    def wire(self, net: Net, source: Tap) -> Tap:
        ends = [net.scope(f"path{i}", "paths", i).wire(path, source) for i, path in enumerate(self.paths)]
        return net.add(Concat() if self.merge == "concat" else Add(), *ends, name=self.merge)


class Residual(Layer):
    """A body of layers whose output is added to its input: y = activation(body(x) + shortcut(x)).

    Use: more than about 15 layers; gradients reach every block through the sum.

    Avoid: activations that need unit variance (SELU): a sum of two has variance 2.

    Cost: its body, and a 1x1 convolution where the shape changes.
    """

    key: ClassVar[str] = "residual"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1512.03385", "arXiv:1603.05027")
    evidence: ClassVar[tuple[str, ...]] = ("vgglike_res", "gln_res")

    layers: tuple[Layer, ...] = Field(
        min_length=1, description="the body; its last convolution usually has no activation"
    )
    shortcut: Shortcut = Field(default=Projection(), description="what carries the input to the sum")
    activation: Activation | None = Field(
        default=None,
        description="after the sum; without this key the default one, and none in orders that begin with norm or act",
    )

    def wire(self, net: Net, source: Tap) -> Tap:
        body = net.scope("body", "layers").wire(self.layers, source)
        return _sum(net, body, source, self.shortcut, self.activation)


class Basic(Layer):
    """Residual block of two 3x3 convolutions, as in ResNet-18 and ResNet-34.

    Use: up to about 34 layers; 32 px images (ResNet-20).

    Avoid: 50 layers and more, where bottlenecks see more per multiply-add.

    Cost: 18 * C * C multiply-adds per position at constant width.
    """

    key: ClassVar[str] = "basic"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1512.03385",)

    channels: Channels = Field(description="output channels")
    stride: Size = Field(default=1, description="step of the first convolution")
    shortcut: Shortcut = Field(default=Projection(), description="what carries the input to the sum")

    def wire(self, net: Net, source: Tap) -> Tap:
        layers = (Conv(channels=self.channels, stride=self.stride), Conv(channels=self.channels, activation=_last(net)))
        return _sum(net, _chain(net, layers, source), source, self.shortcut, None)


class Bottleneck(Layer):
    """Residual block of 1x1, 3x3 and 1x1 convolutions, narrow in the middle, as in ResNet-50.

    Use: 50 layers and more.

    Avoid: small images and few layers: `basic` is simpler and as good there.

    Cost: about 17/16 * C * C multiply-adds per position at constant channels and a quarter of them in the middle.
    """

    key: ClassVar[str] = "bottleneck"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1512.03385", "arXiv:1611.05431")

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
        return _sum(net, _chain(net, layers, source), source, self.shortcut, None)


def _last(net: Net) -> Activation | None:
    """The activation of a body's last convolution: none before the sum, unless the order puts it in front."""
    return NoActivation() if net.order.startswith("conv") else None


def _chain(net: Net, layers: tuple[Layer, ...], source: Tap) -> Tap:
    """A block's own convolutions, named conv1, conv2, ..."""
    for index, layer in enumerate(layers, 1):
        source = layer.wire(net.scope(f"conv{index}"), source)
    return source


def _sum(net: Net, body: Tap, source: Tap, shortcut: Shortcut, activation: Activation | None) -> Tap:
    """body(x) + shortcut(x), then the activation."""
    net.start_at_zero(body, source)
    bypass = shortcut.wire(net.scope("shortcut", "shortcut"), source, body.shape)
    total = net.add(Add(), body, bypass, name="sum")
    if activation is None and not net.order.startswith("conv"):
        return total
    return net.add(activation or net.activation, total, name="act")


STRUCTURES: tuple[type[Layer], ...] = (Repeat, Branches, Residual, Basic, Bottleneck)
