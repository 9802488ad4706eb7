"""The network as data: nodes in the order of execution, each with its shapes, costs and receptive field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from cnnwiz.catalog.initialization import Initialization
from cnnwiz.catalog.operation import Operation, Parameter, Shape, Window
from cnnwiz.spec.finding import Finding, Path

INPUT = -1
"""Index that stands for the network's input in `Node.inputs`."""


class Field(NamedTuple):
    """What output positions see of the input, in input pixels along height and width.

    `size` is the extent that one position sees, `jump` the distance between neighbours, `start` where the extent of the
    first position begins (before the image, at a negative number, where there is padding).
    """

    size: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)
    start: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Node:
    """One operation in its place. Equal only to itself: to compare all fields would be slow, and no use."""

    name: str  # module path in the built network: layers.2.conv1.conv
    operation: Operation
    inputs: tuple[int, ...]  # indices of nodes, INPUT for the network's input
    input_shapes: tuple[Shape, ...]
    output: Shape
    field: Field
    path: Path  # the line of the spec it comes from

    @property
    def kind(self) -> str:
        """The operation's word: conv, batch, relu, max, add, ..."""
        return self.operation.key

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """Trained tensors by their name in the module."""
        return self.operation.parameters(*self.input_shapes)

    @property
    def parameter_count(self) -> int:
        """Trained values."""
        return sum(math.prod(parameter.shape) for parameter in self.parameters.values())

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return self.operation.macs(*self.input_shapes)


class Graph(NamedTuple):
    """A network. When `finding` is set the network is impossible and `nodes` end before the place it names."""

    name: str
    input: Shape
    classes: int
    nodes: tuple[Node, ...]
    init: Initialization
    finding: Finding | None = None
    trunk: int = INPUT
    """Index of the last node before the head."""
    auxiliary: tuple[tuple[int, float], ...] = ()
    """(index of the node that makes the scores, weight of their loss) of each auxiliary head; for training only."""

    @property
    def output(self) -> Shape:
        """Shape of the scores."""
        return self.nodes[-1].output if self.nodes else self.input

    @property
    def parameters(self) -> int:
        """Trained values of the whole network."""
        return sum(node.parameter_count for node in self.nodes)

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions and linear layers for one image."""
        return sum(node.macs for node in self.nodes)

    @property
    def activation_bytes(self) -> int:
        """Bytes of every node's output for one image in float32: what training keeps for the backward pass."""
        return 4 * sum(math.prod(node.output) for node in self.nodes)

    @property
    def receptive_field(self) -> tuple[int, int]:
        """(height, width) of the input that one position of the last map sees."""
        return self.nodes[self.trunk].field.size if self.trunk != INPUT else (1, 1)


def merged_field(fields: list[Field], operation: Operation, shapes: tuple[Shape, ...]) -> Field:
    """The field behind an operation: what its inputs see together, grown by its window.

    Exact where the inputs have one jump, as they do in networks whose paths take the same strides; else the largest.
    """
    window = operation.window(*shapes)
    if window is None and len(fields) == 1:
        return fields[0]
    window = window or Window((1, 1))
    (height, down, top), (width, right, left) = (_seen(fields, window, axis) for axis in (0, 1))
    return Field((height, width), (down, right), (top, left))


def _seen(fields: list[Field], window: Window, axis: int) -> tuple[int, int, int]:
    """(size, jump, start) along one axis."""
    start, jump = fields[0].start[axis], fields[0].jump[axis]
    end = start + fields[0].size[axis]
    for other in fields[1:]:
        start, jump = min(start, other.start[axis]), max(jump, other.jump[axis])
        end = max(end, other.start[axis] + other.size[axis])
    size = end - start + (window.kernel[axis] - 1) * window.dilation[axis] * jump
    return size, jump * window.stride[axis], start - window.padding[axis] * jump
