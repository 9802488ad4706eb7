"""Weights set on real images, layer by layer in the order of execution: unit variance (LSUV), whitened patches."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from cnnwiz.catalog.initialization import Initialization, Lsuv, Whitening
from cnnwiz.catalog.primitive import Convolution2d
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import INPUT, Node
from cnnwiz.nn.initialize import FILLED
from cnnwiz.nn.network import Network
from cnnwiz.nn.whitening import whiten


@torch.no_grad()
def settle(network: Network, images: Tensor) -> None:
    """Set the weights whose initialization looks at images, on `images` (B, C, H, W), layer by layer in order.

    `whitening`: the filters become principal directions of the patches. `lsuv`: weights are scaled so that the layer
    puts out variance 1; layers whose output does not vary are left alone. Does nothing where no layer asks for either.
    """
    inits = [_init(network, node) for node in network.graph.nodes]
    last = max((index for index, init in enumerate(inits) if isinstance(init, (Lsuv, Whitening))), default=-1)
    was_training = network.training
    network.eval()
    values = {INPUT: images}
    for index, module, inputs, dead in network.steps[: last + 1]:
        arguments, init = [values[source] for source in inputs], inits[index]
        if isinstance(init, Whitening):
            whiten(module, arguments[0], init.eps)
        values[index] = _unit(module, arguments, init) if isinstance(init, Lsuv) else module(*arguments)
        for source in dead:
            del values[source]
    network.train(was_training)


def _init(network: Network, node: Node) -> Initialization | None:
    """The initialization of a node's weight; None where it has none that is filled."""
    own = node.operation.init if isinstance(node.operation, Convolution2d) else None
    if own and not own.trains:
        return own
    return own or network.graph.init if any(part.role in FILLED for part in node.parameters.values()) else None


def _unit(module: nn.Module, arguments: list[Tensor], init: Lsuv) -> Tensor:
    """The module's output, after scaling its weight."""
    output = module(*arguments)
    for _ in range(init.max_iterations):
        variance = float(output.var(correction=0))
        if not math.isfinite(variance):
            raise CnnwizError("lsuv: the output of a layer is not finite on the first batch; take another init")
        if variance == 0 or abs(variance - 1) < init.tolerance:
            break
        # Weight norm keeps the length of the filters apart, and scaling that leaves their direction as it is.
        name = "parametrizations.weight.original0" if is_parametrized(module, "weight") else "weight"
        module.get_parameter(name).div_(math.sqrt(variance))
        output = module(*arguments)
    return output
