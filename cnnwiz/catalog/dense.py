"""Dense connections: layers that keep their input and add channels to it, and dual paths, which also add values."""

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from cnnwiz.catalog.blocks import chain
from cnnwiz.catalog.layer import Channels, Layer, Net, Size, Tap
from cnnwiz.catalog.operation import pair
from cnnwiz.catalog.pooling import AveragePool2d
from cnnwiz.catalog.primitive import Add, Concat, Drop
from cnnwiz.catalog.rearrange import Slice
from cnnwiz.catalog.unit import Conv, Pointwise

if TYPE_CHECKING:
    from typing_extensions import Self


class Dense(Layer):
    """Dense layer: its input with `growth` new channels behind, computed from all of it; `repeat` makes a dense block.
    The new channels come from a 1x1 convolution to `bottleneck` times the growth and a 3x3, or from any `layers`.

    Use: few parameters by reuse of features, in the order norm-act-conv. With `branches` as layers it is the Inception
    block combined with DenseNet (PeleeNet).

    Avoid: tight memory: every layer reads and copies all channels before it. SELU: sums of channels lose unit variance.

    Cost: C * bottleneck * growth + 9 * bottleneck * growth^2 multiply-adds per position.
    """

    key = "dense"
    papers = ("arXiv:1608.06993", "arXiv:1804.06882")

    growth: Channels | None = Field(default=None, description="new channels")
    bottleneck: int = Field(
        default=4, ge=0, le=64, description="channels of the 1x1 in front, in multiples of growth; 0 for no 1x1"
    )
    layers: tuple[Layer, ...] | None = Field(
        default=None, min_length=1, description="instead of growth: what makes the new channels"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="rate of dropout of the new channels")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Self":
        if (self.growth is None) == (self.layers is None):
            raise ValueError("takes either growth or layers: the layers' last channels are the growth")
        return self

    def wire(self, net: Net, source: Tap) -> Tap:
        if self.layers:
            new = net.scope("body", "layers").wire(self.layers, source)
        else:
            growth = self.growth or 0  # there, or the layers would be
            # Unchecked, here and below: computed widths may pass the limit of the key; the graph has limits of its own.
            narrow = (Pointwise.model_construct(channels=growth * self.bottleneck),) if self.bottleneck else ()
            new = chain(net, (*narrow, Conv(channels=growth)), source)
        if self.dropout:
            new = net.add(Drop(rate=self.dropout), new, name="dropout")
        return net.add(Concat(), source, new, name="concat")


class Transition(Layer):
    """Transition between dense blocks: a 1x1 convolution to `compression` of the channels, then average pooling.

    Use: behind each dense block but the last.

    Avoid: compression 1 with many layers: channels grow without bound.

    Cost: compression * C * C multiply-adds per position.
    """

    key = "transition"
    papers = ("arXiv:1608.06993",)

    compression: float = Field(default=0.5, gt=0, le=1, description="share of the channels that is kept, rounded down")
    stride: Size = Field(default=2, description="side and step of the pooling")

    def wire(self, net: Net, source: Tap) -> Tap:
        channels = max(int(source.shape[0] * self.compression), 1)
        source = Pointwise.model_construct(channels=channels).wire(net, source)
        return net.add(AveragePool2d(kernel=pair(self.stride), stride=pair(self.stride)), source, name="pool")


class DualPath(Layer):
    """Dual-path block: a bottleneck whose first `channels` outputs are added to the input's first, as in a residual
    network, and whose last `growth` are appended, as in a dense one. The first block projects its input to
    channels + 2 * growth; `repeat` goes on without projection.

    Use: DPN, in the order norm-act-conv.

    Avoid: simple recipes: residual or dense blocks alone are better documented.

    Cost: that of a bottleneck to channels + growth.
    """

    key = "dual_path"
    papers = ("arXiv:1707.01629",)

    channels: Channels = Field(description="channels of the residual path")
    width: Channels = Field(description="channels in the middle")
    growth: Channels = Field(description="new channels of the dense path")
    groups: Channels = Field(default=1, description="groups of the 3x3 convolution (32 in DPN-68 and DPN-92)")
    stride: Size = Field(default=1, description="step of the 3x3 convolution")
    project: bool = Field(default=True, description="project the input; the first block of a stage does")

    def following(self) -> Layer:
        """The block as it is repeated: without stride and projection."""
        return self.model_copy(update={"stride": 1, "project": False})

    def wire(self, net: Net, source: Tap) -> Tap:
        state = source
        if self.project:
            wide = Pointwise.model_construct(channels=self.channels + 2 * self.growth, stride=self.stride)
            state = wide.wire(net.scope("projection"), source)
        layers = (
            Pointwise(channels=self.width),
            Conv(channels=self.width, stride=self.stride, groups=self.groups),
            Pointwise.model_construct(channels=self.channels + self.growth),
        )
        body = chain(net, layers, source)
        kept, dense = self._parts(net.scope("state"), state)
        change, new = self._parts(net.scope("change"), body)
        return net.add(Concat(), net.add(Add(), kept, change, name="sum"), dense, new, name="concat")

    def _parts(self, net: Net, tap: Tap) -> tuple[Tap, Tap]:
        """The channels of the residual path and those of the dense path."""
        total = tap.shape[0]
        residual = net.add(Slice(start=0, stop=self.channels, total=total), tap, name="residual")
        return residual, net.add(Slice(start=self.channels, stop=total, total=total), tap, name="dense")
