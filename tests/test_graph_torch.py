"""The graph against torch: what it computes without torch is what the built network is and does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from strategies import networks, unhurried
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnwiz.catalog.pooling import AveragePool2d, MaxPool2d
from cnnwiz.catalog.primitive import Convolution2d, PadChannels
from cnnwiz.graph import INPUT, Graph, graph_of, wire_model
from cnnwiz.nn import layers
from cnnwiz.nn.network import Network
from cnnwiz.spec import Spec, load

WINDOWED = (Convolution2d, MaxPool2d, AveragePool2d, PadChannels)
TEMPLATES = sorted(Path(__file__).parents[1].joinpath("templates").glob("*.yaml"))
FIFTY = settings(unhurried, max_examples=50)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_are_built_as_computed(path):
    agree(graph_of(load(path)))


@FIFTY
@given(networks())
def test_random_networks_are_built_as_computed(spec):
    agree(graph_of(spec))


def agree(graph: Graph) -> None:
    """Parameters by name and shape, the output shape and the multiply-adds of every node, on tensors without values."""
    assert graph.finding is None
    with torch.device("meta"):
        network = Network(graph)
        values = {INPUT: torch.empty(2, *graph.input)}
    built = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    computed = {f"{n.name}.{name}": p.shape for n in graph.nodes for name, p in n.parameters.items()}
    assert built == computed
    assert graph.parameters == sum(tensor.numel() for tensor in network.parameters())
    for (index, module, inputs, _), node in zip(network.steps, graph.nodes, strict=True):
        with FlopCounterMode(display=False) as counter:
            values[index] = module(*(values[source] for source in inputs))
        assert tuple(values[index].shape) == (2, *node.output), node.name
        assert counter.get_total_flops() == 2 * 2 * node.macs, node.name  # two images, two operations each
    assert graph.macs == sum(node.macs for node in graph.nodes)


@settings(FIFTY, max_examples=20)
@given(networks(nesting=1))
def test_forward_gives_what_its_steps_give(spec):
    graph = graph_of(spec)
    network = Network(graph).eval()
    images = torch.randn(2, *graph.input)
    values = {INPUT: images}
    with torch.no_grad():
        for index, module, inputs, _ in network.steps:
            values[index] = module(*(values[source] for source in inputs))
        assert torch.equal(network(images), values[len(graph.nodes) - 1])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_receptive_fields_of_templates(path):
    spec = load(path)
    # Windows of adaptive pooling and polar sampling depend on the size of the image.
    if not {"adaptive", "polar", "log_polar"} & {node.kind for node in graph_of(spec).nodes}:
        assert_field(enlarged(spec))


@FIFTY
@given(networks(nesting=1))
def test_receptive_fields_of_random_networks(spec):
    graph = graph_of(spec)
    assume(graph.trunk != INPUT and len(graph.nodes[graph.trunk].output) == 3)
    for node in graph.nodes[: graph.trunk + 1]:
        assume(len({jump(graph, source) for source in node.inputs}) == 1)
        assume(node.operation.window(*node.input_shapes) is None or isinstance(node.operation, WINDOWED))
    graph = enlarged(spec)
    assume(graph.finding is None)
    assert_field(graph)


def enlarged(spec: Spec) -> Graph:
    """The network on images that are large against its receptive field."""
    side = max(graph_of(spec).receptive_field) * 5 // 4 + 32
    return wire_model(spec.model, (1, side, side), 2, "large")


def jump(graph: Graph, source: int) -> tuple[int, int]:
    return graph.nodes[source].field.jump if source != INPUT else (1, 1)


def assert_field(graph: Graph) -> None:
    """The gradient of one position in the middle of the last map covers the computed part of the input, and no more."""
    trunk = graph.nodes[graph.trunk]
    image = torch.ones(1, 1, *graph.input[1:], dtype=torch.float64, requires_grad=True)
    with torch.device("meta"):
        network = Network(graph)
    seen = thin_forward(network, image, graph.trunk)
    assert seen.shape[2:] == trunk.output[1:]
    place = (trunk.output[1] // 2, trunk.output[2] // 2)
    (gradient,) = torch.autograd.grad(seen[0, 0, place[0], place[1]], image)
    for axis in (0, 1):
        touched = gradient[0, 0].sum(dim=1 - axis).nonzero().flatten()
        begin = trunk.field.start[axis] + place[axis] * trunk.field.jump[axis]
        inside = range(max(begin, 0), min(begin + trunk.field.size[axis], graph.input[1 + axis]))
        assert (int(touched.min()), int(touched.max())) == (inside[0], inside[-1])


def thin_forward(network: Network, image: Tensor, until: int) -> Tensor:
    """The network with one channel, where every window is a plain mean: what reaches a position, and nothing else."""
    values = {INPUT: image}
    for index, module, inputs, _ in network.steps[: until + 1]:
        sources = [values[source] for source in inputs]
        x = torch.stack(sources).mean(dim=0)
        if isinstance(module, nn.Conv2d):
            if isinstance(module, layers.PaddedConv2d):
                x = F.pad(x, module.sides)
            weight = torch.ones(1, 1, *module.kernel_size, dtype=x.dtype)
            x = F.conv2d(x, weight / weight.numel(), None, module.stride, module.padding, module.dilation)
        elif isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
            x = F.avg_pool2d(x, module.kernel_size, module.stride, module.padding, module.ceil_mode)
        elif isinstance(module, layers.PadChannels):
            x = x[:, :, :: module.stride[0], :: module.stride[1]]
        values[index] = x
    return values[until]
