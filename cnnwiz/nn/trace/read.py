"""The trace of a torch module as a graph, operation by operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn

from cnnwiz.catalog.initialization import Kaiming
from cnnwiz.catalog.operation import Operation, Shape, ShapeError
from cnnwiz.catalog.rearrange import Shuffle2d, Slice
from cnnwiz.graph import INPUT, Field, Graph, Node
from cnnwiz.graph.graph import merged_field
from cnnwiz.nn.trace.follow import attribute, followed, parameters
from cnnwiz.nn.trace.functions import PRODUCTS, Call, depth, read_call
from cnnwiz.nn.trace.modules import read_module
from cnnwiz.nn.trace.operations import PositionNorm, Unread, Weigh

CHANNELS_LAST, CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
UNCHANGED = ("contiguous", "clone", "detach", "to", "float", torch.clone)
PARTED = ("chunk", "split", torch.chunk, torch.split)
RESHAPED = ("view", "reshape", torch.reshape)
TRANSPOSED = ("transpose", torch.transpose)


@dataclass(frozen=True)
class Traced:
    """A module as a graph, in which operations that are not known stand as `unread`."""

    graph: Graph
    unread: tuple[str, ...]
    """Where those stand in the module, and what they are."""
    parameters: int
    """Trained values of all layers that evaluation uses."""


@dataclass
class _Reading:
    """What has been read so far: nodes, and for each value of the trace what is known about it."""

    trace: fx.GraphModule
    nodes: list[Node] = field(default_factory=list)
    places: dict[fx.Node, int] = field(default_factory=dict)
    """The index of the node that gives a value."""
    shapes: dict[fx.Node, Shape] = field(default_factory=dict)
    last: set[fx.Node] = field(default_factory=set)
    """Values whose channels stand behind their positions."""
    groups: dict[fx.Node, int] = field(default_factory=dict)
    """Values on their way through a channel shuffle."""
    unread: list[str] = field(default_factory=list)


def trace(module: nn.Module, shape: tuple[int, int, int], name: str = "module") -> Traced:
    """The graph of a module for images of `shape` (channels, height, width).

    A layer is read only if its output has the shape that torch computes. Raises CnnwizError where torch.fx cannot
    follow the module, or the module cannot take such images.
    """
    reading = _Reading(followed(module, shape, name))
    for node in reading.trace.graph.nodes:
        _read(reading, node)
    nodes = tuple(reading.nodes)
    maps = [index for index, node in enumerate(nodes) if len(node.output) == 3 and max(node.output[1:]) > 1]
    classes = nodes[-1].output[0] if nodes else shape[0]
    graph = Graph(name, shape, classes, nodes, Kaiming(), trunk=maps[-1] if maps else INPUT)
    return Traced(graph, tuple(reading.unread), parameters(reading.trace))


def _read(reading: _Reading, node: fx.Node) -> None:
    """Take in one step of the trace."""
    result = node.meta.get("shape")
    sources = [source for source in node.all_input_nodes if source in reading.places]
    if node.op == "placeholder" and result:
        reading.places[node], reading.shapes[node] = INPUT, result[1:]
    elif node.op in ("get_attr", "output") or not sources:
        return
    elif _passes(reading, node, sources[0]):
        _pass_on(reading, node, sources[0])
    elif result is not None and len(result) > 1:
        last = sources[0] in reading.last
        shape = result[1:] if not last or len(result) != 4 else (result[3], *result[1:3])
        shapes = tuple(reading.shapes[source] for source in sources)
        operation = _operation(reading, node, sources, shapes, shape)
        _add(reading, node, operation, sources, shapes, shape)
        if last and len(result) == 4:
            reading.last.add(node)


def _passes(reading: _Reading, node: fx.Node, source: fx.Node) -> bool:
    """Whether a step leaves the values as they are, or only on their way to something that is read later."""
    result = node.meta.get("shape")
    if node.op == "call_module":
        module = reading.trace.get_submodule(str(node.target))
        return isinstance(module, nn.Identity) or (isinstance(module, nn.Dropout) and module.p == 0)
    if node.target in PARTED or node.target in UNCHANGED:
        return True
    if node.target in RESHAPED and result and len(result) == 5 and len(reading.shapes[source]) == 3:
        reading.groups[node] = result[1]  # (B, groups, n, H, W): the first step of a channel shuffle
        return True
    if node.target in TRANSPOSED:
        return source in reading.groups and set(node.args[1:]) == {1, 2}
    return _turns(reading, node, source)


def _turns(reading: _Reading, node: fx.Node, source: fx.Node) -> bool:
    """Whether a step moves channels behind positions, or back."""
    if node.target not in (torch.permute, "permute"):
        return False
    order = node.args[1] if len(node.args) == 2 else node.args[1:]
    wanted = CHANNELS_FIRST if source in reading.last else CHANNELS_LAST
    if not isinstance(order, (list, tuple)) or list(order) != wanted:
        return False
    if wanted == CHANNELS_LAST:
        reading.last.add(node)
    return True


def _pass_on(reading: _Reading, node: fx.Node, source: fx.Node) -> None:
    reading.places[node], reading.shapes[node] = reading.places[source], reading.shapes[source]
    turned = node.target in (torch.permute, "permute")
    if source in reading.last and not turned:
        reading.last.add(node)
    if source in reading.groups:
        reading.groups[node] = reading.groups[source]


def _operation(
    reading: _Reading, node: fx.Node, sources: list[fx.Node], shapes: tuple[Shape, ...], shape: Shape
) -> Operation | None:
    """What a step does; None where it is not known."""
    if node.op == "call_module":
        module = reading.trace.get_submodule(str(node.target))
        whole = isinstance(module, nn.LayerNorm) and module.normalized_shape == (shape[0],)
        return PositionNorm() if whole else read_module(module, shapes[0])
    if node.target in RESHAPED and sources[0] in reading.groups and shape == shapes[0]:
        return Shuffle2d(groups=reading.groups[sources[0]])
    if getattr(node.target, "__name__", node.target) == "getitem":
        return _part(node, sources[0], shapes[0])
    weights = [a for a in node.all_input_nodes if a.op == "get_attr"]
    if weights:
        known = node.target in PRODUCTS and len(sources) == 1
        return Weigh(shape=tuple(attribute(reading.trace, str(weights[0].target)).shape)) if known else None
    call = Call(node.target, node.args, dict(node.kwargs), shapes, shape)
    return depth(call) if getattr(node.target, "__name__", "") == "stochastic_depth" else read_call(call)


def _part(node: fx.Node, source: fx.Node, shape: Shape) -> Operation | None:
    """One of the parts that channels were cut into."""
    parts, number = source.meta["parts"], node.args[1]
    if not parts or not isinstance(number, int) or sum(part[1] for part in parts) != shape[0]:
        return None
    start = sum(part[1] for part in parts[:number])
    return Slice(start=start, stop=start + parts[number][1], total=shape[0])


def _add(
    reading: _Reading,
    node: fx.Node,
    operation: Operation | None,
    sources: list[fx.Node],
    shapes: tuple[Shape, ...],
    shape: Shape,
) -> None:
    """One more node; where the operation is not known, or would not give this shape, an unread one."""
    name = _name(node)
    if operation is None or not _gives(operation, shapes, shape):
        held = 0
        word = str(getattr(node.target, "__name__", node.target))
        if node.op == "call_module":
            module = reading.trace.get_submodule(str(node.target))
            held, word = sum(value.numel() for value in module.parameters()), type(module).__name__
        operation = Unread(word=word, shape=shape, held=held)
        reading.unread.append(f"{name} ({word})")
    inputs = tuple(reading.places[source] for source in sources)
    fields = [Field() if place == INPUT else reading.nodes[place].field for place in inputs]
    sees = merged_field(fields, operation, shapes) if len(shape) == 3 or len(shapes[0]) == 3 else fields[0]
    reading.nodes.append(Node(name, operation, inputs, shapes, shape, sees, (name,)))
    reading.places[node], reading.shapes[node] = len(reading.nodes) - 1, shape


def _gives(operation: Operation, shapes: tuple[Shape, ...], shape: Shape) -> bool:
    try:
        return operation.output(*shapes) == shape
    except ShapeError:
        return False


def _name(node: fx.Node) -> str:
    """Its layer's name, or that of the layer whose code does it, and what is done."""
    if node.op == "call_module":
        return str(node.target)
    owners: Any = node.meta.get("nn_module_stack") or {}
    inside = [owner for owner, _ in owners.values() if owner]
    return f"{inside[-1]}.{node.name}" if inside else node.name
