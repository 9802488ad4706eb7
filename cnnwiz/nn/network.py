"""A graph as an `nn.Module` whose parameters carry the names of the graph's nodes."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from torch import Tensor, nn

from cnnwiz.errors import CnnwizError
from cnnwiz.graph import INPUT, Graph, graph_of
from cnnwiz.nn.initialize import initialize

if TYPE_CHECKING:
    from cnnwiz.spec import Spec


class Network(nn.Module):
    """Runs the nodes of a graph in order: (B, C, H, W) float to (B, classes) scores. In training mode a graph with
    auxiliary heads gives a tuple: the scores, then those of each auxiliary head.

    Modules sit in containers named like the nodes, so that `layers.2.conv1.conv.weight` is the weight of that node.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        if graph.finding:
            raise CnnwizError(graph.finding.message)
        self.graph = graph
        steps = []
        last_use = {source: index for index, node in enumerate(graph.nodes) for source in node.inputs}
        for index, node in enumerate(graph.nodes):
            module = node.operation.build(*node.input_shapes)
            _place(self, node.name, module)
            # A value is dropped after its last use, so that memory does not grow with the depth in evaluation.
            dead = tuple(source for source in set(node.inputs) if last_use[source] == index)
            steps.append((index, module, node.inputs, dead))
        self.steps: list[tuple[int, nn.Module, tuple[int, ...], tuple[int, ...]]] = steps
        """In the order of execution: index of the node, module, indices of its inputs, of those not needed any more."""
        self.beside = _beside(graph)
        """Indices of the nodes that only auxiliary heads need; evaluation does without them."""

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        values = {INPUT: x}
        for index, module, inputs, dead in self.steps:
            if index in self.beside and not self.training:
                continue
            values[index] = module(*(values[source] for source in inputs))
            for source in dead:
                del values[source]
        scores = values[len(self.steps) - 1]
        if self.training and self.graph.auxiliary:
            return (scores, *(values[index] for index, _ in self.graph.auxiliary))
        return scores


def build(spec: Spec, seed: int | None = None) -> Network:
    """The network of a spec with its initial weights (seed: that of the spec)."""
    return build_graph(graph_of(spec), spec.training.seed if seed is None else seed)


def build_graph(graph: Graph, seed: int) -> Network:
    """The network of a graph with its initial weights; the same seed gives the same bits."""
    network = Network(graph)
    initialize(network, graph, seed)
    return network


def _beside(graph: Graph) -> frozenset[int]:
    """The nodes that only auxiliary heads need."""
    needed = {len(graph.nodes) - 1}
    for index in reversed(range(len(graph.nodes))):
        if index in needed:
            needed |= set(graph.nodes[index].inputs)
    return frozenset(range(len(graph.nodes))) - needed


def _place(root: nn.Module, name: str, module: nn.Module) -> None:
    """Register `module` under a dotted name, making containers on the way."""
    *containers, last = name.split(".")

    def enter(parent: nn.Module, child: str) -> nn.Module:
        if child not in parent._modules:
            parent.add_module(child, nn.Module())
        return parent.get_submodule(child)

    reduce(enter, containers, root).add_module(last, module)
