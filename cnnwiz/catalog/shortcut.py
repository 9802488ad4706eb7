"""Shortcuts: what carries a residual body's input to its sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.primitive import Convolution2d, PadChannels

if TYPE_CHECKING:
    from cnnwiz.catalog.layer import Net, Tap
    from cnnwiz.catalog.operation import Shape


class Shortcut(Choice):
    """The way around a residual body."""

    section: ClassVar[str] = "shortcut"

    def wire(self, net: Net, source: Tap, target: Shape) -> Tap:
        """Carry `source` to a tap of shape `target`."""
        raise NotImplementedError(f"{type(self).__name__}.wire")


class Identity(Shortcut):
    """The input itself, unchanged (the body must keep its shape).

    Use: where the body keeps channels and size.

    Avoid: at the first block of a stage: shapes differ and the sum is impossible.

    Cost: nothing.
    """

    key: ClassVar[str] = "identity"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1512.03385",)

    def wire(self, net: Net, source: Tap, target: Shape) -> Tap:
        return source


class Projection(Shortcut):
    """Identity where the shape stays, else a strided 1x1 convolution (option B of the ResNet paper).

    Use: the default.

    Avoid: counting every parameter at CIFAR size, where option A (`pad`) is the published network.

    Cost: C_in * C_out weights per change of shape.
    """

    key: ClassVar[str] = "projection"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1512.03385",)

    always: bool = Field(default=False, description="project also where the shape stays (option C)")
    norm: bool = Field(default=True, description="follow the 1x1 convolution by the default norm")

    def wire(self, net: Net, source: Tap, target: Shape) -> Tap:
        if source.shape == target and not self.always:
            return source
        stride = _stride(source.shape, target)
        operation = Convolution2d(channels=target[0], kernel=(1, 1), stride=stride, bias=not net.norm.shifts)
        tap = net.add(operation, source, name="conv")
        return net.add(net.norm, tap, name="norm") if self.norm else tap


class Pad(Shortcut):
    """Every stride-th position, with zero channels added (option A of the ResNet paper).

    Use: the published CIFAR ResNets.

    Avoid: bodies that reduce the number of channels: there is nothing to pad.

    Cost: no parameters.
    """

    key: ClassVar[str] = "pad"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1512.03385",)

    def wire(self, net: Net, source: Tap, target: Shape) -> Tap:
        if source.shape == target:
            return source
        return net.add(PadChannels(channels=target[0], stride=_stride(source.shape, target)), source, name="pad")


SHORTCUTS: tuple[type[Shortcut], ...] = (Projection, Identity, Pad)


def _stride(source: Shape, target: Shape) -> tuple[int, int]:
    """The stride of a 1x1 convolution that turns the source's size into the target's (1 where none does)."""
    if len(source) != 3 or len(target) != 3:
        return (1, 1)  # for vectors the operation itself says what is wrong
    first, second = (
        next((stride for stride in range(1, have + 1) if (have - 1) // stride + 1 == want), 1)
        for have, want in zip(source[1:], target[1:], strict=True)
    )
    return first, second
