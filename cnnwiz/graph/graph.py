"""The network as data: nodes in the order of execution, each with its shapes, costs and receptive field."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from cnnwiz.catalog.initialization import Initialization
from cnnwiz.catalog.operation import Operation, Parameter, Shape
from cnnwiz.spec.finding import Finding, Path

INPUT = -1
"""Index that stands for the network's input in `Node.inputs`."""


@dataclass(frozen=True)
class Field:
    """What one output position sees of the input: its extent and the distance between neighbours, in input pixels."""

    size: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Node:
    """One operation in its place."""

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

    @property
    def parameters(self) -> dict[str, Parameter]:
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


@dataclass(frozen=True)
class Graph:
    """A network. When `finding` is set the network is impossible and `nodes` end before the place it names."""

    name: str
    input: Shape
    classes: int
    nodes: tuple[Node, ...]
    init: Initialization
    finding: Finding | None = None
    trunk: int = field(default=INPUT)
    """Index of the last node before the head."""

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
    """The field behind an operation: the largest of its inputs, grown by its window."""
    size = (max(f.size[0] for f in fields), max(f.size[1] for f in fields))
    jump = (max(f.jump[0] for f in fields), max(f.jump[1] for f in fields))
    window = operation.window(*shapes)
    if window is None:
        return Field(size, jump)
    grown = [size[axis] + (window.kernel[axis] - 1) * window.dilation[axis] * jump[axis] for axis in (0, 1)]
    return Field((grown[0], grown[1]), (jump[0] * window.stride[0], jump[1] * window.stride[1]))
