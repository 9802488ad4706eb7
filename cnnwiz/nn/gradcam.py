"""Where a network looked: Grad-CAM (arXiv:1610.02391) on the last map through which everything goes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.errors import CnnwizError
from cnnwiz.graph import INPUT, Graph
from cnnwiz.graph.graph import Field, Node
from cnnwiz.nn.input import PolarSample
from cnnwiz.nn.network import Network

Sizes = tuple[int, int]


def look(network: Network, images: Tensor, classes: Tensor) -> Tensor:
    """How much each pixel of `images` (B, C, H, W) spoke for `classes` (B,): (B, H, W) of 0 to 1 on the CPU.

    1 is the strongest place of each image; an image without any place that speaks for its class is 0 throughout. Places
    of the map stand where the middle of what they see is, so that convolutions without padding shift nothing; maps in
    polar coordinates are turned back. The network is in evaluation mode. Raises CnnwizError where it has no such map.
    """
    graph = network.graph
    spot = last_map(graph)
    if spot is None:
        raise CnnwizError("the network has no map of more than one position in front of its head: nowhere to look")
    polar = _polar_before(network, spot)
    kept, gradient, turned = _backward(network, images, classes, spot, polar)
    weights = gradient.mean((2, 3), keepdim=True)
    heat = F.relu((weights * kept).sum(1, keepdim=True)).float()
    if polar is None:
        heat = placed(heat, graph.nodes[spot].field, Field(), (images.shape[2], images.shape[3]))
    else:
        node = graph.nodes[polar]
        heat = placed(heat, graph.nodes[spot].field, node.field, (node.output[1], node.output[2]))
        heat = turned_back(heat, network.steps[polar][1], turned)
    heat = heat[:, 0]
    return (heat / heat.amax((1, 2), keepdim=True).clamp_min(torch.finfo(heat.dtype).tiny)).cpu()


def _backward(
    network: Network, images: Tensor, classes: Tensor, spot: int, polar: int | None
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """The map of step `spot`, the gradient of the scores of `classes` with respect to it, both (B, C, H, W), and what
    step `polar` took."""
    found: dict[str, Any] = {"polar": ()}

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        found["map"] = output.detach().requires_grad_()
        return found["map"]

    def keep_inputs(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found["polar"] = tuple(tensor.detach() for tensor in inputs)

    handles = [network.steps[spot][1].register_forward_hook(keep)]
    if polar is not None:
        handles.append(network.steps[polar][1].register_forward_pre_hook(keep_inputs))
    try:
        with torch.inference_mode(False), torch.enable_grad():
            scores = network(images.clone())
            wanted = scores.gather(1, classes.clone().to(scores.device)[:, None]).sum()
            (gradient,) = torch.autograd.grad(wanted, found["map"])
    finally:
        for handle in handles:
            handle.remove()
    return found["map"].detach(), gradient, found["polar"]


def last_map(graph: Graph) -> int | None:
    """Index of the last node in front of the head whose output has several positions and that no path goes around."""
    needed = _needed(graph)
    for index in range(graph.trunk, INPUT, -1):
        output = graph.nodes[index].output
        is_map = len(output) == 3 and output[1] * output[2] > 1
        later = (source for j in needed if j > index for source in graph.nodes[j].inputs)
        if index in needed and is_map and all(source >= index for source in later):
            return index
    return None


def placed(heat: Tensor, field: Field, plane: Field, size: Sizes) -> Tensor:
    """A map (B, 1, h, w) drawn on a plane (B, 1, H, W), bilinear: each position in the middle of what it sees there.

    `field` is that of the map, `plane` that of the plane's own pixels, both in pixels of the plane.
    """
    axes = []
    for axis in (0, 1):
        pixels = torch.arange(size[axis], dtype=torch.float32, device=heat.device)
        positions = (pixels - (_middle(field, axis) - _middle(plane, axis))) / field.jump[axis]
        count = heat.shape[2 + axis]
        axes.append(2 * positions / (count - 1) - 1 if count > 1 else torch.zeros_like(positions))
    rows, columns = torch.meshgrid(axes[0], axes[1], indexing="ij")
    grid = torch.stack((columns, rows), 2).expand(len(heat), -1, -1, -1)
    return F.grid_sample(heat, grid, "bilinear", "border", align_corners=True)


def _middle(field: Field, axis: int) -> float:
    return field.start[axis] + (field.size[axis] - 1) / 2


def _needed(graph: Graph) -> set[int]:
    """The nodes that scores depend on; auxiliary heads are for training only."""
    needed = {len(graph.nodes) - 1}
    for index in reversed(range(len(graph.nodes))):
        if index in needed:
            needed |= {source for source in graph.nodes[index].inputs if source != INPUT}
    return needed


def _polar_before(network: Network, spot: int) -> int | None:
    """Index of the node that resamples the image in polar coordinates, where there is one."""
    nodes: tuple[Node, ...] = network.graph.nodes[: spot + 1]
    return next((index for index in range(len(nodes)) if isinstance(network.steps[index][1], PolarSample)), None)


def turned_back(heat: Tensor, module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    """A map in polar coordinates (B, 1, A, R) as one of the image (B, 1, H, W).

    Sampling is linear in the image, so its gradient hands the values back to the pixels they were read from; the same
    for ones says how many each pixel got. A box of 3x3 closes the gaps between far-out samples.
    """
    with torch.enable_grad():
        image = torch.zeros_like(inputs[0][:, :1]).requires_grad_()
        sampled = module(image, *inputs[1:])
        parts = [torch.autograd.grad(sampled, image, part, retain_graph=True)[0] for part in (heat, heat * 0 + 1)]
    total, count = (F.avg_pool2d(part, 3, stride=1, padding=1) for part in parts)
    return torch.where(count > 0, total / count.clamp_min(1e-6), 0.0)
