"""Operations: what a network consists of once blocks are expanded. Each knows its shape, cost and torch module."""

from typing import TYPE_CHECKING, NamedTuple

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, ...]
"""(channels, height, width) of a map or (features,) of a vector; the batch is not counted."""


class Parameter(NamedTuple):
    """One trained tensor: its shape, and its role, by which initializers and optimizers select it."""

    shape: tuple[int, ...]
    role: str  # weight | depthwise | bias | norm | slope | gate_bias | classifier | embedding | centre


class Window(NamedTuple):
    """What one output position sees along height and width, in input positions."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)  # before the first position: top, left


class ShapeError(ValueError):
    """This operation cannot take this input; `field` is what to change, `hint` the nearest value that works."""

    def __init__(self, problem: str, hint: str, field: str | None = None) -> None:
        super().__init__(problem)
        self.problem, self.hint, self.field = problem, hint, field


class Operation(Choice):
    """A choice that becomes one torch module. The defaults describe an element-wise operation without parameters."""

    def output(self, *inputs: Shape) -> Shape:
        """Shape of the output; raises ShapeError where there is none."""
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        """Trained tensors by their name in the module."""
        return {}

    def macs(self, *inputs: Shape) -> int:
        """Multiply-adds for one image; biases, norms, activations and pooling count as 0."""
        return 0

    def window(self, *inputs: Shape) -> Window | None:
        """What one output position sees; None where it sees just its own position."""
        return None

    def build(self, *inputs: Shape) -> "nn.Module":
        """The torch module, with torch's own initial values."""
        raise NotImplementedError(f"{type(self).__name__}.build")


def pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a size given as one number or as two."""
    return (size, size) if isinstance(size, int) else size


def slide(extent: int, kernel: int, stride: int, before: int, after: int, dilation: int, ceil: bool = False) -> int:
    """Positions of a sliding window along one axis, by torch's rules; 0 or less where the kernel does not fit."""
    room = extent + before + after - dilation * (kernel - 1) - 1
    if room < 0:
        return 0
    count = (room + stride - 1) // stride + 1 if ceil else room // stride + 1
    # A window that would start in the padding behind the map is dropped, as torch does.
    return count - 1 if ceil and (count - 1) * stride >= extent + before else count


def divisors(number: int, near: int, count: int = 2) -> str:
    """The divisors of `number` nearest to `near`, for error hints: '4, 6'."""
    found = [n for n in range(1, number + 1) if number % n == 0] if number <= 65536 else [1]
    return ", ".join(str(n) for n in sorted(sorted(found, key=lambda n: abs(n - near))[:count]))
