"""Layer-sequential unit variance: weights scaled on real images, layer by layer in the order of execution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from cnnwiz.catalog.initialization import Lsuv
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import INPUT, Node
from cnnwiz.nn.initialize import FILLED
from cnnwiz.nn.network import Network


@torch.no_grad()
def settle(network: Network, images: Tensor) -> None:
    """Scale weights so that every convolution and linear layer puts out variance 1 on `images` (B, C, H, W).

    Does nothing unless the network's initialization is `lsuv`. Layers whose output does not vary are left alone.
    """
    init = network.graph.init
    if not isinstance(init, Lsuv):
        return
    was_training = network.training
    network.eval()
    values = {INPUT: images}
    for index, module, inputs, dead in network.steps:
        arguments = [values[source] for source in inputs]
        values[index] = _unit(module, network.graph.nodes[index], arguments, init)
        for source in dead:
            del values[source]
    network.train(was_training)


def _unit(module: nn.Module, node: Node, arguments: list[Tensor], init: Lsuv) -> Tensor:
    """The node's output, after scaling its weight where it has one."""
    output = module(*arguments)
    if not any(parameter.role in FILLED for parameter in node.parameters.values()):
        return output
    for _ in range(init.max_iterations):
        variance = float(output.var(correction=0))
        if not math.isfinite(variance):
            raise CnnwizError(f"lsuv: the output of {node.name} is not finite on the first batch; take another init")
        if variance == 0 or abs(variance - 1) < init.tolerance:
            break
        # Weight norm keeps the length of the filters apart, and scaling that leaves their direction as it is.
        name = "parametrizations.weight.original0" if is_parametrized(module, "weight") else "weight"
        module.get_parameter(name).div_(math.sqrt(variance))
        output = module(*arguments)
    return output
