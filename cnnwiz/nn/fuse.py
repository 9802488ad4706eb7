"""Batch norm folded into the convolution or linear layer in front of it: the same outputs with fewer operations."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from cnnwiz.catalog.normalization import BatchNorm
from cnnwiz.catalog.operation import Operation, Shape
from cnnwiz.catalog.primitive import Convolution2d, Linear, Primitive
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import INPUT, Graph
from cnnwiz.nn.network import Network


class Folded(Primitive):
    """What is left of a batch norm: its input, unchanged."""

    key: ClassVar[str] = "folded"

    def build(self, *inputs: Shape) -> nn.Module:
        return nn.Identity()


@torch.no_grad()
def fuse(network: Network) -> Network:
    """A copy of a network in evaluation mode, every batch norm right behind a convolution or linear layer folded in.

    Left as they are: norms in front of a convolution (zero padding comes after the norm, so a folded shift would be
    wrong at the border), behind an activation, and behind a convolution that something else reads too. Weight norm is
    multiplied out where it is folded. Raises CnnwizError in training mode, where batch norm is no fixed map.
    """
    if network.training:
        raise CnnwizError("fuse folds the statistics that evaluation uses; call network.eval() first")
    pairs = _pairs(network.graph)
    fused = Network(_folded(network.graph, pairs))
    gone = tuple(f"{network.graph.nodes[index].name}." for pair in pairs.items() for index in pair)
    tensors = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(gone)}
    for layer, norm in pairs.items():
        name = network.graph.nodes[layer].name
        weight, bias = _product(network.get_submodule(name), network.get_submodule(network.graph.nodes[norm].name))
        tensors |= {f"{name}.weight": weight, f"{name}.bias": bias}
    fused.load_state_dict(tensors)
    return fused.to(next(network.parameters()).device).eval()


def _pairs(graph: Graph) -> dict[int, int]:
    """For each layer that can take in a batch norm the index of that norm."""
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(graph.nodes):
        for source in node.inputs:
            readers.setdefault(source, []).append(index)
    found = {}
    for index, node in enumerate(graph.nodes):
        source = node.inputs[0]
        if not isinstance(node.operation, BatchNorm) or source == INPUT:
            continue
        if isinstance(graph.nodes[source].operation, (Convolution2d, Linear)) and readers[source] == [index]:
            found[source] = index
    return found


def _folded(graph: Graph, pairs: dict[int, int]) -> Graph:
    """The graph with layers that have a bias, and identities in place of their norms, so that every index stays."""
    nodes = list(graph.nodes)

    def put(index: int, operation: Operation) -> None:
        nodes[index] = replace(nodes[index], operation=operation)

    for layer, norm in pairs.items():
        put(layer, nodes[layer].operation.model_copy(update={"bias": True, "weight_norm": False}))
        put(norm, Folded())
    return graph._replace(nodes=tuple(nodes))


def _product(layer: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of layer and norm as one map, worked out in float64."""
    assert isinstance(layer, (nn.Conv2d, nn.Linear))
    assert isinstance(norm, (nn.BatchNorm2d, nn.BatchNorm1d))
    mean, variance = norm.get_buffer("running_mean").double(), norm.get_buffer("running_var").double()
    scale = norm.weight.double() / torch.sqrt(variance + norm.eps)
    bias = 0 if layer.bias is None else layer.bias.double()
    weight = layer.weight.double() * scale.reshape(-1, *(1 for _ in layer.weight.shape[1:]))
    return weight, norm.bias.double() + (bias - mean) * scale
