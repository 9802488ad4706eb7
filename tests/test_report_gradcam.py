"""Grad-CAM against what it must be: class activation maps in closed form, and places measured by gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnwiz.errors import CnnwizError
from cnnwiz.graph.graph import Field
from cnnwiz.nn.gradcam import last_map, look, placed, turned_back
from cnnwiz.nn.input import PolarSample
from cnnwiz.nn.network import Network, build
from cnnwiz.spec import parse_text


def network_of(layers: str, size: int, more: str = "", **model: str) -> Network:
    text = f"""
cnnwiz: 1
data: {{source: digits, image_size: {size}, channels: 1}}
model:
  defaults: {{norm: batch, activation: relu}}
  layers: {layers}
{"".join(f"  {key}: {value}{chr(10)}" for key, value in model.items())}{more}"""
    document = parse_text(text)
    assert document.spec, [finding.message for finding in document.findings]
    return build(document.spec, 0).eval()


def test_with_an_average_head_it_is_the_class_activation_map():
    """Zhou et al. (arXiv:1512.04150): with averages and one linear layer the map of class c is sum_k w_ck A_k."""
    network = network_of("[conv: {channels: 6}, conv: {channels: 5}]", 8)
    images, classes = torch.randn(4, 1, 8, 8, generator=torch.manual_seed(1)), torch.tensor([0, 3, 3, 9])
    seen = {}
    index = last_map(network.graph)
    assert index is not None
    handle = network.steps[index][1].register_forward_hook(lambda module, inputs, output: seen.update(map=output))
    with torch.no_grad():
        network(images)
    handle.remove()
    weights = network.get_parameter("head.linear.weight").detach()
    for image in range(4):
        expected = torch.zeros(8, 8)
        for channel in range(5):
            expected += weights[classes[image], channel] * seen["map"][image, channel]
        expected = expected.clamp_min(0)
        assert expected.max() > 0
        torch.testing.assert_close(look(network, images, classes)[image], expected / expected.max())


def test_nothing_is_left_behind():
    network = network_of("[conv: {channels: 6}]", 8)
    images = torch.randn(2, 1, 8, 8)
    with torch.inference_mode():
        before = network(images)
        look(network, images, torch.tensor([0, 1]))
        assert torch.equal(network(images), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_class_without_a_voice_is_zero_throughout():
    network = network_of("[conv: {channels: 6}]", 8)
    with torch.no_grad():
        network.get_parameter("head.linear.weight")[3] = -1  # every activation is at least 0
    heat = look(network, torch.rand(1, 1, 8, 8), torch.tensor([3]))
    assert torch.equal(heat, torch.zeros(1, 8, 8))


@pytest.mark.parametrize(
    "layers",
    [
        "[conv: {channels: 2, kernel: 5, stride: 2, padding: valid}, conv: {channels: 2, padding: valid}]",
        "[conv: {channels: 2, kernel: 3, stride: 2}, pool: {kernel: 3, stride: 2, kind: average}]",
        "[conv: {channels: 2, kernel: 7, stride: 4, padding: [3, 1]}]",
    ],
)
def test_places_stand_in_the_middle_of_what_they_see(layers):
    """What a place sees is measured: the pixels at which the gradient of its value is not zero."""
    network = network_of(layers, 33).double()
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
            module.forward = lambda x: x  # pyright: ignore[reportAttributeAccessIssue]: linear, so that all is seen
    index = last_map(network.graph)
    assert index is not None
    node = network.graph.nodes[index]
    seen = {}
    network.steps[index][1].register_forward_hook(lambda module, inputs, output: seen.update(map=output))
    image = torch.randn(1, 1, 33, 33, dtype=torch.float64, requires_grad=True)
    network(image)
    height, width = node.output[1:]
    for row, column in ((height // 2, width // 2), (height // 2, width // 2 - 1), (1, width - 2)):
        (gradient,) = torch.autograd.grad(seen["map"][0, :, row, column].sum(), image, retain_graph=True)
        rows, columns = gradient[0, 0].nonzero(as_tuple=True)
        if 0 in (rows.min(), columns.min()) or 32 in (rows.max(), columns.max()):
            continue  # cut off by the border, so its middle is not seen
        middle = ((rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2)
        one = torch.zeros(1, 1, height, width)
        one[0, 0, row, column] = 1
        drawn = placed(one, node.field, Field(), (33, 33))[0, 0]
        weights = drawn / drawn.sum()
        centre = (weights.sum(1) @ torch.arange(33.0), weights.sum(0) @ torch.arange(33.0))
        assert centre == (pytest.approx(middle[0].item(), abs=0.01), pytest.approx(middle[1].item(), abs=0.01))


@pytest.mark.parametrize(
    ("layers", "model", "expected"),
    [
        ("[conv: {channels: 4}, conv: {channels: 4, kernel: 8, padding: valid}]", {}, "layers.0."),
        ("[conv: {channels: 4}, linear: {features: 8}]", {"head": "flatten"}, "layers.0."),
        ("[conv: {channels: 4}]", {"head": "{flatten: {hidden: [8]}}"}, "layers.0."),
        ("[conv: {channels: 4}, branches: {paths: [[conv: {channels: 4}], [conv: {channels: 8}]]}]", {}, "layers.1."),
        ("[conv: {channels: 4}, basic: {channels: 4}]", {}, "layers.1."),
    ],
)
def test_the_last_map_is_one_that_no_path_goes_around(layers, model, expected):
    graph = network_of(layers, 8, **model).graph
    index = last_map(graph)
    assert index is not None
    assert graph.nodes[index].name.startswith(expected)
    assert graph.nodes[index].output[1] > 1
    # Removing it must leave no way from the image to the scores.
    reached = {-1}
    for place, node in enumerate(graph.nodes):
        if place != index and reached & set(node.inputs):
            reached.add(place)
    assert len(graph.nodes) - 1 not in reached


def test_without_a_map_it_says_so():
    network = network_of("[conv: {channels: 4, kernel: 8, padding: valid}]", 8)
    with pytest.raises(CnnwizError, match="nowhere to look"):
        look(network, torch.rand(1, 1, 8, 8), torch.tensor([0]))


@pytest.mark.parametrize("logarithmic", [False, True])
def test_maps_in_polar_coordinates_are_turned_back(logarithmic):
    """A spot at a known angle and radius lands where trigonometry says."""
    module = PolarSample((33, 33), (32, 24), 15.0, logarithmic, 0)
    for angle, column in ((0, 18), (8, 12), (20, 20)):
        heat = torch.zeros(1, 1, 32, 24)
        heat[0, 0, angle, column] = 1
        image = turned_back(heat, module, (torch.zeros(1, 3, 33, 33),))[0, 0]
        turn = torch.tensor(2 * torch.pi * angle / 32)
        radius = 15.0 ** (column / 23) if logarithmic else 15.0 * column / 23
        row, across = divmod(int(image.argmax()), 33)
        assert row == pytest.approx(16 + radius * float(turn.sin()), abs=1.6)
        assert across == pytest.approx(16 + radius * float(turn.cos()), abs=1.6)
    even = turned_back(torch.ones(1, 1, 32, 24), module, (torch.zeros(1, 1, 33, 33),))[0, 0]
    grid = torch.arange(33.0) - 16
    inside = (grid[:, None] ** 2 + grid[None] ** 2).sqrt() < 13
    torch.testing.assert_close(even[inside], torch.ones(int(inside.sum())))


def test_a_polar_network_looks_at_the_image():
    network = network_of("[conv: {channels: 4}]", 16, input="[polar]")
    with torch.no_grad():
        network.get_parameter("head.linear.weight").abs_()  # every class has a voice
    heat = look(network, torch.rand(2, 1, 16, 16), torch.tensor([1, 2]))
    assert heat.shape == (2, 16, 16)
    assert heat.min() >= 0
    assert heat.amax((1, 2)).tolist() == pytest.approx([1, 1])


def test_auxiliary_heads_do_not_matter():
    graph = network_of("[conv: {channels: 4}, auxiliary: {}, conv: {channels: 4}]", 8).graph
    index = last_map(graph)
    assert index is not None
    assert graph.nodes[index].name.startswith("layers.2.")
