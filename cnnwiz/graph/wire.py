"""Spec to graph: layers wire themselves, this keeps the nodes, the names, and the place in the spec."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from cnnwiz.catalog.activation import Activation, NoActivation
from cnnwiz.catalog.convolution import Convolution
from cnnwiz.catalog.dropout import DepthDrop, StochasticDepth
from cnnwiz.catalog.layer import Layer, Order, Tap
from cnnwiz.catalog.normalization import NoNorm, Normalization, WeightNorm
from cnnwiz.catalog.operation import Operation, Shape, ShapeError
from cnnwiz.catalog.pooling import Pooling
from cnnwiz.catalog.primitive import Convolution2d, Linear, show
from cnnwiz.errors import CnnwizError
from cnnwiz.graph.graph import INPUT, Field, Graph, Node, merged_field
from cnnwiz.spec.document import Defaults, Model, Spec
from cnnwiz.spec.finding import Finding, Path

MAX_NODES = 5_000  # the longest published network, ResNet-1001, has about 3,400
MAX_PARAMETERS = 4_000_000_000  # 16 GB in float32
MAX_VALUES = 1 << 32  # of one map of one image, the same
NAME = {"CNN200": "impossible-shape", "CNN299": "network-too-large"}


class _Impossible(Exception):
    """Carries the finding that ends the wiring."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True)
class Wiring:
    """A `Net`: the nodes so far (shared by all scopes), the prefix of names, the place in the spec, the defaults."""

    nodes: list[Node]
    prefix: str
    path: Path
    defaults: Defaults
    count: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    """Layers wired so far, by all scopes; it stops repeats of repeats even where they add no operation."""
    classes: int = 0
    auxiliary: list[tuple[int, float]] = field(default_factory=list)
    """Nodes that make an auxiliary head's scores, with the weight of their loss."""

    @property
    def order(self) -> Order:
        return self.defaults.order

    @property
    def norm(self) -> Normalization:
        return self.defaults.norm

    @property
    def activation(self) -> Activation:
        return self.defaults.activation

    @property
    def convolution(self) -> Convolution:
        return self.defaults.conv

    @property
    def pooling(self) -> Pooling:
        return self.defaults.pool

    def scope(self, name: str, *path: str | int) -> Wiring:
        """The same network with `name` in front of later names and findings placed at `path` below."""
        place = f"{self.prefix}{name}.", self.path + path
        return Wiring(self.nodes, *place, self.defaults, self.count, self.classes, self.auxiliary)

    def wire(self, layers: Sequence[Layer], source: Tap) -> Tap:
        """These layers one after the other, each as often as its `repeat` says."""
        for index, layer in enumerate(layers):
            net = self.scope(str(index), index, layer.key)
            for turn in range(layer.repeat):
                if next(self.count) > MAX_NODES:
                    raise net._impossible(
                        "CNN299", f"the network expands to more than {MAX_NODES:,} layers; repeat less"
                    )
                inner = net.scope(str(turn)) if layer.repeat > 1 else net
                source = (layer.following() if turn else layer).wire(inner, source)
        return source

    def add(self, operation: Operation, *sources: Tap, name: str) -> Tap:
        """One operation; those that do nothing (norm: none) leave no node, weight norm changes the node in front."""
        if isinstance(operation, (NoNorm, NoActivation)):
            return sources[0]
        if isinstance(operation, WeightNorm):
            return self._normalize_weight(sources[0])
        shapes = tuple(source.shape for source in sources)
        try:
            output = operation.output(*shapes)
        except ShapeError as error:
            where = f"{self.prefix}{name} gets {' and '.join(show(shape) for shape in shapes)}: "
            raise self._impossible("CNN200", f"{where}{error.problem}; {error.hint}", error.field) from None
        fields = [Field() if source.node == INPUT else self.nodes[source.node].field for source in sources]
        inputs = tuple(source.node for source in sources)
        sees = merged_field(fields, operation, shapes)
        node = Node(f"{self.prefix}{name}", operation, inputs, shapes, output, sees, self.path)
        if math.prod(output) > MAX_VALUES:
            raise self._impossible(
                "CNN299", f"{node.name} makes {show(output)} values of one image; use fewer channels"
            )
        if len(self.nodes) >= MAX_NODES:
            raise self._impossible("CNN299", f"the network expands to more than {MAX_NODES:,} operations; repeat less")
        self.nodes.append(node)
        return Tap(len(self.nodes) - 1, output)

    def _normalize_weight(self, source: Tap) -> Tap:
        node = self.nodes[source.node] if source.node != INPUT else None
        trains = node is not None and "weight" in node.parameters
        if node is None or not trains or not isinstance(node.operation, (Convolution2d, Linear)):
            raise self._impossible(
                "CNN200",
                f"{self.prefix}norm: weight norm belongs directly behind a convolution or linear layer; write order: "
                "conv-norm-act, or another norm",
                "norm",
            )
        self.nodes[source.node] = replace(node, operation=node.operation.model_copy(update={"weight_norm": True}))
        return source

    def end_body(self, body: Tap, source: Tap) -> Tap:
        """What a residual body adds to its shortcut, as `zero_gamma` and `stochastic_depth` of the defaults ask."""
        if body == source:
            return body
        node = self.nodes[body.node]
        scaled = isinstance(node.operation, Normalization) and "weight" in node.parameters
        if self.defaults.zero_gamma and scaled:
            self.nodes[body.node] = replace(node, operation=node.operation.model_copy(update={"scale": 0.0}))
        depth = self.defaults.stochastic_depth
        return self.add(depth.at(1, 1), body, name="drop") if depth else body

    def preactivated(self, source: Tap) -> Tap:
        """Behind the norm that reads `source` in this scope, and the activation behind it; `source` without such."""
        for kind in (Normalization, Activation):
            here = (index for index in range(source.node + 1, len(self.nodes)) if self._reads(index, source, kind))
            index = next(here, None)
            if index is None:
                break
            source = Tap(index, self.nodes[index].output)
        return source

    def _reads(self, index: int, source: Tap, kind: type[Operation]) -> bool:
        node = self.nodes[index]
        return node.inputs == (source.node,) and isinstance(node.operation, kind) and node.name.startswith(self.prefix)

    def judge(self, scores: Tap, weight: float) -> None:
        """Let training add `weight` times the loss of these scores to that of the head's."""
        self.auxiliary.append((scores.node, weight))

    def _impossible(self, code: str, message: str, field: str | None = None) -> _Impossible:
        path = (*self.path, field) if field else self.path
        return _Impossible(Finding(code, NAME[code], "error", message, path))


def graph_of(spec: Spec, classes: int | None = None) -> Graph:
    """The graph of a spec. `classes` is used when neither the spec nor its data say how many there are.

    Raises CnnwizError when the number of classes or the image size cannot be told without reading the data.
    """
    shape, count = input_shape(spec), class_count(spec, classes)
    graph = _recent(spec.model, shape, count, "")  # pyright: ignore[reportArgumentType]: it has a hash, being frozen
    return graph._replace(name=spec.name)


def wire_model(model: Model, shape: Shape, classes: int, name: str) -> Graph:
    """The graph of a model for inputs of `shape` (channels, height, width)."""
    net = Wiring([], "input.", ("model", "input"), model.defaults, classes=classes)
    finding, trunk = None, INPUT
    try:
        tap = Tap(INPUT, shape)
        for index, step in enumerate(model.input):
            tap = step.wire(net.scope(str(index), index, step.key), tap)
        tap = replace(net, prefix="layers.", path=("model", "layers")).wire(model.layers, tap)
        trunk = tap.node
        model.head.wire(replace(net, prefix="head.", path=("model", "head", model.head.key)), tap, classes)
    except _Impossible as error:
        finding = error.finding
    _deepen(net.nodes, model.defaults.stochastic_depth)
    finding = finding or _too_large(net.nodes)
    auxiliary = tuple(net.auxiliary)
    return Graph(name, shape, classes, tuple(net.nodes), model.defaults.init, finding, trunk, auxiliary)


# The wizard and lint ask again and again for networks that differ in their training only.
_recent = lru_cache(maxsize=32)(wire_model)


def _deepen(nodes: list[Node], depth: StochasticDepth | None) -> None:
    """Give each residual body its probability, now that it is known how many there are."""
    bodies = [index for index, node in enumerate(nodes) if isinstance(node.operation, DepthDrop)]
    for turn, index in enumerate(bodies, 1):
        if depth:
            nodes[index] = replace(nodes[index], operation=depth.at(turn, len(bodies)))


def _too_large(nodes: Sequence[Node]) -> Finding | None:
    """The finding about a network with more parameters than a machine could train."""
    counts = [node.parameter_count for node in nodes]
    if sum(counts) <= MAX_PARAMETERS:
        return None
    most = max(range(len(nodes)), key=counts.__getitem__)
    held = f"the network holds {sum(counts):,} parameters, more than {MAX_PARAMETERS:,}"
    message = f"{held}; {counts[most]:,} of them are in {nodes[most].name}, which needs fewer channels or features"
    return Finding("CNN299", NAME["CNN299"], "error", message, nodes[most].path)


def input_shape(spec: Spec, image_size: int | None = None) -> Shape:
    """(channels, height, width) of the network's input, where it is used: behind the last phase."""
    facts = spec.data.source.facts()
    last = spec.phases[-1].image_size if spec.phases else None
    side = image_size or last or spec.data.image_size or facts.image_size
    if side is None:
        raise CnnwizError(f"data.image_size is missing: images from {spec.data.source.key} have no size of their own")
    return (spec.data.channels or facts.channels, side, side)


def class_count(spec: Spec, otherwise: int | None = None) -> int:
    """How many classes the head has; 0 where they are unknown and no matter, for an embedding has none."""
    count = spec.data.classes or spec.data.source.facts().classes or otherwise
    if count is None and spec.task == "embed":
        return 0
    if count is None:
        raise CnnwizError(
            f"the data of source {spec.data.source.key} is not here to count its classes; "
            "write data.classes or mend its path"
        )
    return count
