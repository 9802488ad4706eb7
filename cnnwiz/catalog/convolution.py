"""Convolutions: the ways to turn one map into another with trained filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.layer import sides
from cnnwiz.catalog.primitive import Convolution2d

if TYPE_CHECKING:
    from cnnwiz.catalog.layer import Net, Padding, Tap


class Filters(NamedTuple):
    """What a `conv` layer asks for, whichever convolution does it."""

    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding
    dilation: tuple[int, int]
    groups: int
    bias: bool

    def operation(self) -> Convolution2d:
        """The plain convolution with these parameters."""
        return Convolution2d(
            channels=self.channels,
            kernel=self.kernel,
            stride=self.stride,
            padding=sides(self.padding, self.kernel, self.dilation),
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias,
        )


class Convolution(Choice):
    """How a `conv` layer computes its output."""

    section: ClassVar[str] = "convolution"

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        """Add the operations that make `filters.channels` output channels."""
        raise NotImplementedError(f"{type(self).__name__}.wire")


class Standard(Convolution):
    """Usual convolution: each filter sees all input channels (of its group) in a kernel-sized window.

    Use: the default; 3x3 kernels stacked cover the field of a larger one with fewer weights and more activations.

    Avoid: where multiply-adds decide: a 3x3 depthwise separable convolution costs about an eighth.

    Cost: H * W * C_in * C_out * k * k / groups multiply-adds.
    """

    key: ClassVar[str] = "standard"
    papers: ClassVar[tuple[str, ...]] = ("LeCun, Bottou, Bengio, Haffner: Proc. IEEE 1998", "arXiv:1409.1556")

    def wire(self, net: Net, source: Tap, filters: Filters) -> Tap:
        return net.add(filters.operation(), source, name="conv")


CONVOLUTIONS: tuple[type[Convolution], ...] = (Standard,)
