"""What a rule looks at: a spec, the place of everything in its file, and facts about its network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.normalization import Normalization
from cnnwiz.catalog.pooling import Pool2d
from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.catalog.unit import Conv
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import INPUT, Graph, Node, graph_of
from cnnwiz.rules.repair import swap
from cnnwiz.spec import Document, Finding, Severity, Span, Spec
from cnnwiz.spec.document import Model
from cnnwiz.spec.finding import START, Path

if TYPE_CHECKING:
    from cnnwiz.data.listing import Listing
    from cnnwiz.rules.rule import Rule

MEASURED_SIDE = 64  # px: the smallest input of the CaffeNet experiments whose effects the rules quote


@dataclass(frozen=True)
class Subject:
    """A spec under examination. Facts about the network are empty where there is no graph."""

    spec: Spec
    document: Document | None
    """The file, where the spec comes from one."""
    graph: Graph | None
    """None where the network is impossible or the size of its input cannot be told."""
    impossible: Finding | None = None
    """Why there is no network, where its shapes are the reason."""
    traced: bool = False
    """Whether the graph was read from a torch module: then the spec says nothing, and paths name modules."""

    def finding(
        self, rule: Rule, message: str, path: Path, severity: Severity | None = None, write: str | None = None
    ) -> Finding:
        """What `rule` has found at `path`; `write` is what to put there instead, where a single value is to blame."""
        span = place(self.document, path)
        fix = swap(self.document, path, write) if write else None
        return Finding(rule.code, rule.name, severity or rule.severity, message, path, span, rule.evidence, fix)

    def value(self, path: Path) -> Any:
        """What the spec holds at `path`, which names choices by their words: model.layers[0].conv."""
        found: Any = self.spec
        for part in path:
            found = _inside(found, part)
        return found

    def origin(self, node: Node, field: str) -> Path:
        """Where a node's norm, activation, ... is decided: in its layer if that says so, else in the defaults."""
        if self.traced:
            return node.path
        layer = self.value(node.path)
        own = "kind" if layer.key == field else field  # `pool` and `activation` are also layers, which hold a `kind`
        return (*node.path, own) if getattr(layer, own, None) is not None else ("model", "defaults", field)

    @cached_property
    def listing(self) -> Listing | None:
        """The files of the images, where they are here and few enough to list."""
        return self.spec.data.source.listing()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The operations in the order of execution."""
        return self.graph.nodes if self.graph else ()

    @property
    def side(self) -> int:
        """The shorter side of the input in pixels, 0 where it cannot be told."""
        return min(self.graph.input[1:]) if self.graph else 0

    @cached_property
    def convolutions(self) -> list[Node]:
        return [node for node in self.nodes if isinstance(node.operation, Convolution2d)]

    @cached_property
    def activations(self) -> list[Node]:
        return [node for node in self.nodes if isinstance(node.operation, Activation)]

    @cached_property
    def norms(self) -> list[Node]:
        """Norms but for local response norm, which leaves mean and variance to themselves."""
        found = [node for node in self.nodes if isinstance(node.operation, Normalization)]
        return [node for node in found if node.kind != "local_response"]

    @cached_property
    def weight_norm(self) -> bool:
        """Whether any convolution is written as length times direction."""
        return any(isinstance(op := node.operation, Convolution2d) and op.weight_norm for node in self.nodes)

    @property
    def normalized(self) -> bool:
        """Whether anything normalizes: activations or weights."""
        return bool(self.norms) or self.weight_norm

    @cached_property
    def poolings(self) -> list[Node]:
        """Poolings that make the map smaller; those over the whole map do not count."""
        return [node for node in self.nodes if isinstance(op := node.operation, Pool2d) and max(op.stride) > 1]

    @cached_property
    def shortcuts(self) -> bool:
        """Whether paths meet in a sum, a product or a gate; the sum of max and average pooling is none."""
        return any(len(n.inputs) > 1 and n.kind != "concat" and not self._sums_poolings(n) for n in self.nodes)

    @cached_property
    def plain(self) -> bool:
        """Whether the network is one path from input to scores."""
        return not self.shortcuts and all(node.kind != "concat" for node in self.nodes)

    @cached_property
    def readers(self) -> list[list[int]]:
        """For each node the indices of those that read its output."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for index, node in enumerate(self.nodes):
            for source in set(node.inputs) - {INPUT}:
                found[source].append(index)
        return found

    def gates(self, index: int) -> bool:
        """Whether a node's output only weighs others: its readers are products and gates."""
        return bool(self.readers[index]) and all(
            self.nodes[i].kind in ("multiply", "gate") for i in self.readers[index]
        )

    def _sums_poolings(self, node: Node) -> bool:
        return all(i != INPUT and isinstance(self.nodes[i].operation, Pool2d) for i in node.inputs)


def subject_of(spec: Spec, document: Document | None = None) -> Subject:
    """A spec with its graph. The number of classes matters to no rule, so 2 stand in where it cannot be told."""
    try:
        graph = graph_of(spec, classes=2)
    except CnnwizError:  # the size of the input is missing, which the rule unknown-image-size reports
        return Subject(spec, document, None)
    if graph.finding:
        return Subject(spec, document, None, graph.finding)
    return Subject(spec, document, graph)


def traced_subject(graph: Graph) -> Subject:
    """A network without a spec, for rules that look at its structure only."""
    nothing = Spec(cnnwiz=1, model=Model(layers=(Conv(channels=1),)))
    return Subject(nothing, None, graph, traced=True)


def place(document: Document | None, path: Path) -> Span:
    """Where to point for `path`: its value, the key of a longer value, or what encloses it if it is not written."""
    if document is None or document.root is None:
        return START
    for length in range(len(path), 0, -1):
        node = document.root.get(path[:length])
        if node is None:
            continue
        if node.kind == "scalar":
            return node.span
        if isinstance(path[length - 1], str):
            return document.key_span(path[:length])
        return next(iter(node.keys.values()), node.span)
    return next(iter(document.root.keys.values()), START)


def _inside(value: Any, part: str | int) -> Any:
    """One step of a path; a choice's own word leads to itself."""
    if isinstance(part, int):
        return value[part]
    return value if isinstance(value, Choice) and part == value.key else getattr(value, part)
