"""Structure: layers made of any layers. Blocks with fixed layers are in `blocks`, dense ones in `dense`."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.auxiliary import Auxiliary
from cnnwiz.catalog.blocks import Basic, Bottleneck, Fire, Highway, Inception, InvertedResidual
from cnnwiz.catalog.dense import Dense, DualPath, Transition
from cnnwiz.catalog.layer import Channels, Layer, Net, Tap
from cnnwiz.catalog.primitive import Add, Concat
from cnnwiz.catalog.rearrange import Gate, Multiply, Slice
from cnnwiz.catalog.shortcut import Projection, Shortcut, add_shortcut

if TYPE_CHECKING:
    from typing_extensions import Self


Merge = Literal["concat", "add", "multiply", "gate"]


class Repeat(Layer):
    """The same sequence of layers several times in a row.

    Use: stages of a published table: `repeat: {times: 6, layers: [...]}`.

    Avoid: a single layer: every layer has its own `repeat`.

    Cost: `times` times that of its layers.
    """

    key = "repeat"

    times: int = Field(ge=1, le=1000, description="how many times in a row")
    layers: tuple[Layer, ...] = Field(min_length=1, description="what is repeated")

    def wire(self, net: Net, source: Tap) -> Tap:
        for index in range(self.times):
            source = net.scope(str(index), "layers").wire(self.layers, source)
        return source


class Branches(Layer):
    """Parallel paths from one input, merged by concatenation, sum, product or a gate; an empty path is the input.
    A gate T = sigmoid(second path) gives first * T + third * (1 - T), with the input where there is no third.

    Use: Inception modules, fire modules, highways, weights for channels, any block with several kernel sizes.

    Avoid: paths whose sizes differ: all need the same stride and padding result.

    Cost: the sum of its paths.
    """

    key = "branches"
    papers = ("arXiv:1409.4842",)

    paths: tuple[tuple[Layer, ...], ...] = Field(min_length=2, description="the paths, each a list of layers")
    merge: Merge = Field(default="concat", description="how the paths become one map")

    @model_validator(mode="after")
    def _gated(self) -> "Self":
        if self.merge == "gate" and len(self.paths) > 3:
            raise ValueError("merge: gate takes 2 or 3 paths: transform, gate and, if not the input, what is carried")
        return self

    def wire(self, net: Net, source: Tap) -> Tap:
        ends = [net.scope(f"path{i}", "paths", i).wire(path, source) for i, path in enumerate(self.paths)]
        if self.merge == "gate" and len(ends) == 2:
            ends.append(source)
        return _merge(net, self.merge, ends)


class Split(Layer):
    """The input's channels dealt out to parallel paths, in order; each path sees its share alone.

    Use: ShuffleNetV2 units, where half of the channels pass unchanged: `split: {paths: [[], [...]]}`.

    Avoid: shares that never meet again: place a `shuffle` or a 1x1 convolution behind.

    Cost: the sum of its paths.
    """

    key = "split"
    papers = ("arXiv:1807.11164",)

    paths: tuple[tuple[Layer, ...], ...] = Field(min_length=2, description="the paths, each a list of layers")
    shares: tuple[Channels, ...] | None = Field(
        default=None, description="channels of each path; without this key equal shares"
    )
    merge: Merge = Field(default="concat", description="how the paths become one map")

    @model_validator(mode="after")
    def _shared(self) -> "Self":
        if self.shares and len(self.shares) != len(self.paths):
            raise ValueError(f"{len(self.shares)} shares for {len(self.paths)} paths; write one for each")
        if self.merge == "gate" and len(self.paths) != 3:
            raise ValueError("merge: gate of a split takes 3 paths: transform, gate, and what is carried")
        return self

    def wire(self, net: Net, source: Tap) -> Tap:
        count = len(self.paths)
        shares = self.shares or (-(-source.shape[0] // count),) * count
        ends, start = [], 0
        for i, (path, share) in enumerate(zip(self.paths, shares, strict=True)):
            scope = net.scope(f"path{i}", "paths", i)
            part = scope.add(Slice(start=start, stop=start + share, total=sum(shares)), source, name="slice")
            ends.append(scope.wire(path, part))
            start += share
        return _merge(net, self.merge, ends)


class Residual(Layer):
    """A body of layers whose output is added to its input: y = activation(scale * body(x) + shortcut(x)). In the order
    norm-act-conv a projection reads behind the body's first norm and activation, as published.

    Use: more than about 15 layers; gradients reach every block through the sum. Inception modules as a body, with their
    scale, make Inception-ResNet.

    Avoid: activations that need unit variance (SELU): a sum of two has variance 2.

    Cost: its body, and a 1x1 convolution where the shape changes.
    """

    key = "residual"
    papers = ("arXiv:1512.03385", "arXiv:1603.05027", "arXiv:1602.07261")
    evidence = ("vgglike_res", "gln_res")

    layers: tuple[Layer, ...] = Field(
        min_length=1, description="the body; its last convolution usually has no activation"
    )
    shortcut: Shortcut = Field(default=Projection(), description="what carries the input to the sum")
    scale: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="factor of the body; 0.1 to 0.3 steadies 1,000 channels and more",
    )
    activation: Activation | None = Field(
        default=None,
        description="after the sum; without this key the default one, and none in orders that begin with norm or act",
    )

    def wire(self, net: Net, source: Tap) -> Tap:
        body = net.scope("body", "layers").wire(self.layers, source)
        return add_shortcut(net, body, source, self.shortcut, self.activation, self.scale)


def _merge(net: Net, merge: Merge, ends: list[Tap]) -> Tap:
    operation = {"concat": Concat, "add": Add, "multiply": Multiply, "gate": Gate}[merge]
    return net.add(operation(), *ends, name=merge)


STRUCTURES: tuple[type[Layer], ...] = (
    Repeat,
    Branches,
    Split,
    Residual,
    Basic,
    Bottleneck,
    InvertedResidual,
    Inception,
    Fire,
    Dense,
    Transition,
    DualPath,
    Highway,
    Auxiliary,
)
