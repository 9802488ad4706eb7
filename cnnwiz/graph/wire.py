"""Spec to graph: layers wire themselves, this keeps the nodes, the names, and the place in the spec."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnwiz.catalog.activation import Activation, NoActivation
from cnnwiz.catalog.convolution import Convolution
from cnnwiz.catalog.layer import Layer, Order, Tap
from cnnwiz.catalog.normalization import NoNorm, Normalization
from cnnwiz.catalog.operation import Operation, Shape, ShapeError
from cnnwiz.catalog.pooling import Pooling
from cnnwiz.catalog.primitive import show
from cnnwiz.errors import CnnwizError
from cnnwiz.graph.graph import INPUT, Field, Graph, Node, merged_field
from cnnwiz.spec.document import Defaults, Model, Spec
from cnnwiz.spec.finding import Finding, Path

MAX_NODES = 20_000
MAX_PARAMETERS = 20_000_000_000
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
        return replace(self, prefix=f"{self.prefix}{name}.", path=self.path + path)

    def wire(self, layers: Sequence[Layer], source: Tap) -> Tap:
        """These layers one after the other, each as often as its `repeat` says."""
        for index, layer in enumerate(layers):
            net = self.scope(str(index), index, layer.key)
            if layer.repeat == 1:
                source = layer.wire(net, source)
                continue
            for turn in range(layer.repeat):
                source = (layer.following() if turn else layer).wire(net.scope(str(turn)), source)
        return source

    def add(self, operation: Operation, *sources: Tap, name: str) -> Tap:
        """One operation; those that do nothing (norm: none) leave no node."""
        if isinstance(operation, (NoNorm, NoActivation)):
            return sources[0]
        shapes = tuple(source.shape for source in sources)
        try:
            output = operation.output(*shapes)
        except ShapeError as error:
            where = f"{self.prefix}{name} gets {' and '.join(show(shape) for shape in shapes)}: "
            raise self._impossible("CNN200", f"{where}{error.problem}; {error.hint}", error.field) from None
        if len(self.nodes) >= MAX_NODES:
            raise self._impossible("CNN299", f"the network expands to more than {MAX_NODES:,} operations; repeat less")
        fields = [Field() if source.node == INPUT else self.nodes[source.node].field for source in sources]
        field = merged_field(fields, operation, shapes)
        inputs = tuple(source.node for source in sources)
        node = Node(f"{self.prefix}{name}", operation, inputs, shapes, output, field, self.path)
        if math.prod(output) > 1 << 32 or node.parameter_count > MAX_PARAMETERS:
            raise self._impossible(
                "CNN299", f"{node.name} holds {node.parameter_count:,} parameters; use fewer channels"
            )
        self.nodes.append(node)
        return Tap(len(self.nodes) - 1, output)

    def _impossible(self, code: str, message: str, field: str | None = None) -> _Impossible:
        path = (*self.path, field) if field else self.path
        return _Impossible(Finding(code, NAME[code], "error", message, path))


def graph_of(spec: Spec, classes: int | None = None) -> Graph:
    """The graph of a spec. `classes` is used when neither the spec nor its data say how many there are.

    Raises CnnwizError when the number of classes or the image size cannot be told without reading the data.
    """
    return wire_model(spec.model, input_shape(spec), class_count(spec, classes), spec.name)


def wire_model(model: Model, shape: Shape, classes: int, name: str) -> Graph:
    """The graph of a model for inputs of `shape` (channels, height, width)."""
    net = Wiring([], "layers.", ("model", "layers"), model.defaults)
    finding, trunk = None, INPUT
    try:
        tap = net.wire(model.layers, Tap(INPUT, shape))
        trunk = tap.node
        model.head.wire(replace(net, prefix="head.", path=("model", "head", model.head.key)), tap, classes)
    except _Impossible as error:
        finding = error.finding
    return Graph(name, shape, classes, tuple(net.nodes), model.defaults.init, finding, trunk)


def input_shape(spec: Spec, image_size: int | None = None) -> Shape:
    """(channels, height, width) of the network's input."""
    facts = spec.data.source.facts()
    side = image_size or spec.data.image_size or facts.image_size
    if side is None:
        raise CnnwizError(f"data.image_size is missing: images from {spec.data.source.key} have no size of their own")
    return (spec.data.channels or facts.channels, side, side)


def class_count(spec: Spec, otherwise: int | None = None) -> int:
    """How many classes the head has."""
    count = spec.data.classes or spec.data.source.facts().classes or otherwise
    if count is None:
        raise CnnwizError(
            f"the data of source {spec.data.source.key} is not here to count its classes; "
            "write data.classes or mend its path"
        )
    return count
