"""What every layer has in common, and what it may ask of the network it is wired into. No layer lives here."""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Protocol

from pydantic import Field

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnnwiz.catalog.activation import Activation
    from cnnwiz.catalog.convolution import Convolution
    from cnnwiz.catalog.normalization import Normalization
    from cnnwiz.catalog.operation import Operation, Shape
    from cnnwiz.catalog.pooling import Pooling

Channels = Annotated[int, Field(ge=1, le=65536)]
Extent = Annotated[int, Field(ge=1, le=1024)]
Size = Extent | tuple[Extent, Extent]
"""One number for both directions, or [height, width]."""
Amount = Annotated[int, Field(ge=0, le=1024)]
Padding = Literal["same", "valid"] | Amount | tuple[Amount, Amount] | tuple[Amount, Amount, Amount, Amount]
"""same: (kernel - 1) // 2 on each side; valid: none; a number; [height, width]; or [top, bottom, left, right]."""
Order = Literal["conv-norm-act", "conv-act-norm", "norm-act-conv", "act-conv-norm"]


class Tap(NamedTuple):
    """A place in the network that later operations can read from."""

    node: int  # index of the node, -1 for the network's input
    shape: "Shape"


class Net(Protocol):
    """What a layer can do while it wires itself: add operations, wire other layers, read the defaults."""

    @property
    def order(self) -> Order: ...
    @property
    def norm(self) -> "Normalization": ...
    @property
    def activation(self) -> "Activation": ...
    @property
    def convolution(self) -> "Convolution": ...
    @property
    def pooling(self) -> "Pooling": ...
    @property
    def classes(self) -> int: ...

    def add(self, operation: "Operation", *sources: Tap, name: str) -> Tap:
        """One operation on these inputs; `name` ends the names of its parameters."""
        ...

    def wire(self, layers: "Sequence[Layer]", source: Tap) -> Tap:
        """These layers one after the other, each as often as its `repeat` says."""
        ...

    def preactivated(self, source: Tap) -> Tap:
        """Behind the norm that reads `source` in this scope, and the activation behind it; `source` without such."""
        ...

    def judge(self, scores: Tap, weight: float) -> None:
        """Let training add `weight` times the loss of these scores to that of the head's."""
        ...

    def end_body(self, body: Tap, source: Tap) -> Tap:
        """What a residual body adds to its shortcut: the body, with the `zero_gamma` and `stochastic_depth` of the
        defaults. `source` is what the body read."""
        ...

    def scope(self, name: str, *path: str | int) -> "Net":
        """The same network with `name` put in front of later names, and findings placed at `path` below this layer."""
        ...


class Layer(Choice):
    """A line in `model.layers`: it wires one or more operations into the network."""

    section = "layer"

    repeat: int = Field(
        default=1, ge=1, le=1000, description="how many times in a row; stride counts for the first only"
    )

    def wire(self, net: Net, source: Tap) -> Tap:
        """Add this layer's operations behind `source` (once; the caller repeats) and return where it ends."""
        raise NotImplementedError(f"{type(self).__name__}.wire")

    def following(self) -> "Layer":
        """The layer as it is repeated: the same, without the stride."""
        return self.model_copy(update={"stride": 1}) if "stride" in type(self).model_fields else self


def sides(padding: Padding, kernel: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> tuple[int, int, int, int]:
    """Padding in spec form as (top, bottom, left, right)."""
    if padding == "valid":
        return (0, 0, 0, 0)
    if padding == "same":
        padding = (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2)
    if isinstance(padding, int):
        padding = (padding, padding)
    if len(padding) == 2:
        return (padding[0], padding[0], padding[1], padding[1])
    return padding
