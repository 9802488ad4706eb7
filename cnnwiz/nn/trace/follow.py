"""A torch module followed by torch.fx down to torch's own layers, with the shape of every value. Nothing is computed
where the module's weights have no values."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import TraceError

from cnnwiz.errors import CnnwizError, first_line

BATCH = 2


class _Tracer(fx.Tracer):
    """Follows a module down to torch's own layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return super().is_leaf_module(m, module_qualified_name) or isinstance(m, nn.LayerNorm)


class _Shapes(fx.Interpreter):
    """Runs a trace and keeps the shape of every tensor, and those of every part of a tuple."""

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape) if isinstance(result, Tensor) else None
        several = result if isinstance(result, (tuple, list)) else ()
        n.meta["parts"] = [tuple(part.shape) for part in several if isinstance(part, Tensor)]
        return result


def followed(module: nn.Module, shape: tuple[int, int, int], name: str) -> fx.GraphModule:
    """The trace of a module for images of `shape`: each node's `meta` holds the shape of its value, batch included.

    Raises CnnwizError where torch.fx cannot follow the module, or the module cannot take such images.
    """
    try:
        found = fx.GraphModule(module, _Tracer().trace(module))
    except (TraceError, TypeError, ValueError, AttributeError, NotImplementedError, RuntimeError) as error:
        raise CnnwizError(f"torch.fx cannot follow {name}: {first_line(error)}") from error
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad():
            _Shapes(found).run(torch.zeros(BATCH, *shape, device=device))
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError) as error:
        size = "x".join(map(str, shape))
        reason = f"{name} cannot take images of {size}: {first_line(error)}"
        raise CnnwizError(f"{reason}; give --input CHANNELS,HEIGHT,WIDTH") from error
    return found


def attribute(found: fx.GraphModule, name: str) -> Any:
    """What the trace reads by name: a weight or a constant."""
    return operator.attrgetter(name)(found)


def parameters(found: fx.GraphModule) -> int:
    """Trained values of the layers that the trace calls, and those it reads by name."""
    own: dict[int, nn.Parameter] = {}
    for node in found.graph.nodes:
        if node.op == "call_module":
            own |= {id(value): value for value in found.get_submodule(str(node.target)).parameters()}
        elif node.op == "get_attr" and isinstance(value := attribute(found, str(node.target)), nn.Parameter):
            own[id(value)] = value
    return sum(value.numel() for value in own.values())
