"""Shortcuts: what carries a residual body's input to its sum, and that sum."""

from pydantic import Field

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.layer import Layer, Net, Tap
from cnnwiz.catalog.operation import Shape
from cnnwiz.catalog.primitive import Add, Convolution2d, PadChannels
from cnnwiz.catalog.rearrange import Scale


class Shortcut(Choice):
    """The way around a residual body."""

    section = "shortcut"

    def wire(self, net: Net, source: Tap, entry: Tap, target: Shape) -> Tap:
        """Carry `source` to a tap of shape `target`; `entry` is what a projection reads: `source`, or in the order
        norm-act-conv the pre-activation that it shares with the body."""
        raise NotImplementedError(f"{type(self).__name__}.wire")


class Identity(Shortcut):
    """The input itself, unchanged (the body must keep its shape).

    Use: where the body keeps channels and size.

    Avoid: at the first block of a stage: shapes differ and the sum is impossible.

    Cost: nothing.
    """

    key = "identity"
    papers = ("arXiv:1512.03385",)

    def wire(self, net: Net, source: Tap, entry: Tap, target: Shape) -> Tap:
        return source


class Projection(Shortcut):
    """Identity where the shape stays, else a strided 1x1 convolution (option B of the ResNet paper).

    Use: the default.

    Avoid: counting every parameter at CIFAR size, where option A (`pad`) is the published network.

    Cost: C_in * C_out weights per change of shape.
    """

    key = "projection"
    papers = ("arXiv:1512.03385",)

    always: bool = Field(default=False, description="project also where the shape stays (option C)")
    norm: bool | None = Field(
        default=None,
        description="follow the 1x1 by the default norm; without this key unless the order is norm-act-conv",
    )

    def wire(self, net: Net, source: Tap, entry: Tap, target: Shape) -> Tap:
        if source.shape == target and not self.always:
            return source
        stride = _stride(source.shape, target)
        operation = Convolution2d(channels=target[0], kernel=(1, 1), stride=stride, bias=not net.norm.shifts)
        tap = net.add(operation, entry, name="conv")
        normed = net.order != "norm-act-conv" if self.norm is None else self.norm
        return net.add(net.norm, tap, name="norm") if normed else tap


class Pad(Shortcut):
    """Every stride-th position, with zero channels added (option A of the ResNet paper).

    Use: the published CIFAR ResNets.

    Avoid: bodies that reduce the number of channels: there is nothing to pad.

    Cost: no parameters.
    """

    key = "pad"
    papers = ("arXiv:1512.03385",)

    def wire(self, net: Net, source: Tap, entry: Tap, target: Shape) -> Tap:
        if source.shape == target:
            return source
        return net.add(PadChannels(channels=target[0], stride=_stride(source.shape, target)), source, name="pad")


class LayersShortcut(Shortcut):
    """Any layers, which must end in the body's shape.

    Use: pooled shortcuts, such as average pooling and a 1x1 convolution without activation (ResNet-D).

    Avoid: activations in it: gradients then no longer pass unhindered.

    Cost: that of its layers.
    """

    key = "layers"
    papers = ("arXiv:1812.01187",)

    layers: tuple[Layer, ...] = Field(min_length=1, description="from the input to the sum")

    def wire(self, net: Net, source: Tap, entry: Tap, target: Shape) -> Tap:
        return net.scope("path", self.key, "layers").wire(self.layers, source)


SHORTCUTS: tuple[type[Shortcut], ...] = (Projection, Identity, Pad, LayersShortcut)


def add_shortcut(
    net: Net, body: Tap, source: Tap, shortcut: Shortcut, activation: Activation | None = None, scale: float = 1.0
) -> Tap:
    """scale * body(x) + shortcut(x), then the activation: the default one, or in orders that begin otherwise none."""
    body = net.end_body(body, source)
    entry = net.preactivated(source) if net.order == "norm-act-conv" else source
    if scale != 1:
        body = net.add(Scale(factor=scale), body, name="scale")
    bypass = shortcut.wire(net.scope("shortcut", "shortcut"), source, entry, body.shape)
    total = net.add(Add(), body, bypass, name="sum")
    if activation is None and not net.order.startswith("conv"):
        return total
    return net.add(activation or net.activation, total, name="act")


def _stride(source: Shape, target: Shape) -> tuple[int, int]:
    """The stride of a 1x1 convolution that turns the source's size into the target's (1 where none does)."""
    if len(source) != 3 or len(target) != 3:
        return (1, 1)  # for vectors the operation itself says what is wrong
    first, second = (
        next((stride for stride in range(1, have + 1) if (have - 1) // stride + 1 == want), 1)
        for have, want in zip(source[1:], target[1:], strict=True)
    )
    return first, second
