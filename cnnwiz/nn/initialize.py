"""Initial weights: each tensor from its own random stream, so that changing one layer leaves the others alone."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.graph import Graph

FILLED = ("weight", "depthwise", "classifier")
"""Roles of parameters that the initializer fills."""


def initialize(network: nn.Module, graph: Graph, seed: int) -> None:
    """Fill weights by the graph's initializer and biases with 0; norms keep scale 1 and shift 0."""
    slopes = _slopes(graph)
    with torch.no_grad():
        for index, node in enumerate(graph.nodes):
            convolution = node.operation if isinstance(node.operation, Convolution2d) else None
            groups = convolution.groups if convolution else 1
            init = (convolution.init if convolution else None) or graph.init
            module = network.get_submodule(node.name)
            if convolution and not init.trains:
                generator = torch.Generator().manual_seed(_stream(seed, f"{node.name}.weight"))
                init.build(module.get_buffer("weight"), slopes[index], groups, generator)
            for name, parameter in node.parameters.items():
                if parameter.role in FILLED:
                    name = "weight" if is_parametrized(module, "weight") else name
                    tensor = getattr(module, name).detach().clone()
                    generator = torch.Generator().manual_seed(_stream(seed, f"{node.name}.{name}"))
                    init.build(tensor, slopes[index], groups, generator)
                    assign(module, name, tensor)
                elif parameter.role == "bias":
                    module.get_parameter(name).zero_()


def assign(module: nn.Module, name: str, value: Tensor) -> None:
    """Give a weight new values in place; a parametrized one works out its length and direction from them."""
    if is_parametrized(module, name):
        setattr(module, name, value)
    else:
        module.get_parameter(name).copy_(value)


def _slopes(graph: Graph) -> list[float | None]:
    """For each node the slope of the (leaky) ReLU its output reaches before other weights; None if there is none."""
    first_reader: dict[int, int] = {}
    for index, node in enumerate(graph.nodes):
        for source in node.inputs:
            first_reader.setdefault(source, index)
    slopes: list[float | None] = [None] * len(graph.nodes)
    for index in reversed(range(len(graph.nodes))):  # readers come later, so their answers are known
        reader = first_reader.get(index)
        if reader is None:
            continue
        operation = graph.nodes[reader].operation
        if isinstance(operation, Activation):
            slopes[index] = operation.slope()
        elif not any(p.role in FILLED for p in graph.nodes[reader].parameters.values()):
            slopes[index] = slopes[reader]
    return slopes


def _stream(seed: int, name: str) -> int:
    """A 63-bit seed for one tensor."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little") >> 1
