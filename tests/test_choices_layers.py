"""Activations, norms and dropouts, each against its definition or an identity, and the folding of batch norm."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.catalog.activation import ACTIVATIONS, Gelu, LeakyRelu, NoActivation, Relu, Selu, Silu, Tanh
from cnnwiz.catalog.dropout import AlphaDrop, DepthDrop, GaussianDrop, SpatialDrop
from cnnwiz.catalog.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm
from cnnwiz.catalog.rectifier import RECTIFIERS, Maxout, Prelu, Rrelu, VeryLeakyRelu
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.nn.fuse import Folded, fuse
from cnnwiz.nn.network import Network, build, build_graph
from cnnwiz.spec import parse_text

torch.set_num_threads(1)


def spec_of(defaults: str, layers: str, head: str = "average", size: int = 8):
    text = f"""
cnnwiz: 1
data: {{image_size: {size}, channels: 1, classes: 3}}
model:
  defaults: {{{defaults}}}
  layers: [{layers}]
  head: {head}
"""
    document = parse_text(text)
    assert document.spec, [finding.message for finding in document.findings]
    return document.spec


def network_of(defaults: str, layers: str, head: str = "average") -> Network:
    """The network, after checking that its tensors are those of the graph."""
    network = build(spec_of(defaults, layers, head))
    declared = {
        f"{node.name}.{name}": parameter.shape
        for node in network.graph.nodes
        for name, parameter in node.parameters.items()
    }
    assert declared == {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    for index, module, inputs, _ in network.steps:
        node = network.graph.nodes[index]
        assert node.inputs == inputs
        found = module.eval()(*(torch.randn(2, *shape) for shape in node.input_shapes))
        assert tuple(found.shape[1:]) == node.output
    return network


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


VALUES = [  # at -2, -0.5, 0 and 1
    (Tanh(), [-0.964028, -0.462117, 0.0, 0.761594]),
    (VeryLeakyRelu(), [-2 / 3, -1 / 6, 0.0, 1.0]),
    (LeakyRelu(negative_slope=0.1), [-0.2, -0.05, 0.0, 1.0]),
    (Prelu(), [-0.5, -0.125, 0.0, 1.0]),
    (Rrelu(), [-2 * 11 / 48, -0.5 * 11 / 48, 0.0, 1.0]),
    (Selu(), [-1.520166, -0.691758, 0.0, 1.050701]),
    (Gelu(), [-0.045500, -0.154269, 0.0, 0.841345]),
    (Gelu(approximate=True), [-0.045402, -0.154286, 0.0, 0.841192]),
    (Silu(), [-0.238406, -0.188770, 0.0, 0.731059]),
]


@pytest.mark.parametrize(("activation", "expected"), VALUES, ids=lambda value: getattr(value, "key", None))
def test_activations_have_their_published_values(activation, expected):
    module = activation.build((1, 2, 2)).eval()
    found = module(torch.tensor([-2.0, -0.5, 0.0, 1.0]).reshape(1, 1, 2, 2))
    torch.testing.assert_close(found.flatten(), torch.tensor(expected), atol=2e-6, rtol=0)


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS + RECTIFIERS if a is not NoActivation])
def test_every_activation_in_a_network_of_the_declared_shape(activation):
    layers = "{conv: {channels: 4}}, {pointwise: {channels: 3}}, {linear: {features: 6}}"
    network_of(f"activation: {activation.key}", layers, "{flatten: {hidden: [5]}}")


def test_selu_keeps_mean_and_variance():
    found = Selu().build((1,))(noise(500_000))
    assert abs(float(found.mean())) < 0.005
    assert abs(float(found.var()) - 1) < 0.01


def test_rrelu_draws_slopes_of_its_range_while_training():
    slopes = -Rrelu().build((1,)).train()(-torch.ones(100_000))
    assert float(slopes.min()) >= 0.125
    assert float(slopes.max()) <= 1 / 3
    assert abs(float(slopes.mean()) - 11 / 48) < 0.001


def test_prelu_trains_a_slope_for_each_channel():
    assert Prelu().parameters((7, 3, 3))["weight"] == ((7,), "slope")
    assert Prelu(shared=True).parameters((7, 3, 3))["weight"].shape == (1,)
    module = Prelu().build((2, 1, 1))
    module(-torch.ones(1, 2, 1, 1)).sum().backward()
    slopes = module.get_parameter("weight").grad
    assert slopes is not None
    assert slopes.tolist() == [-1, -1]


def test_maxout_is_the_larger_of_two_convolutions():
    network = network_of("norm: none, activation: maxout", "{conv: {channels: 5}}")
    conv = network.get_submodule("layers.0.conv")
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    images = noise(2, 1, 8, 8)
    first, second = (F.conv2d(images, conv.weight[i::2], conv.bias[i::2], padding=1) for i in (0, 1))
    found = network.get_submodule("layers.0.act")(conv(images))
    assert found.shape[1] == 5
    torch.testing.assert_close(found, torch.maximum(first, second), atol=1e-6, rtol=0)


def test_maxout_against_zero_is_relu():
    x = noise(2, 3, 4, 4)
    both = torch.stack([x, torch.zeros_like(x)], 2).flatten(1, 2)
    assert torch.equal(Maxout().build((6, 4, 4))(both), F.relu(x))


def test_maxout_that_cannot_be_divided_is_a_finding():
    graph = graph_of(spec_of("", "{conv: {channels: 5}}, {activation: {kind: {maxout: {pieces: 3}}}}"))
    assert graph.finding
    assert "pieces that divide 5" in graph.finding.message


def test_layer_norm_is_that_of_torch_over_channels_and_positions():
    x = noise(3, 6, 5, 5)
    found = LayerNorm().build((6, 5, 5))(x)
    torch.testing.assert_close(found, F.layer_norm(x, (6, 5, 5)), atol=1e-5, rtol=0)
    assert LayerNorm().build((6, 5, 5))(noise(1, 6, 9, 7)).shape == (1, 6, 9, 7)


def test_group_norm_of_single_channels_is_instance_norm():
    x = noise(3, 6, 5, 5)
    torch.testing.assert_close(GroupNorm(groups=6).build((6, 5, 5))(x), F.instance_norm(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("norm", [LayerNorm(), GroupNorm(groups=3)], ids=lambda norm: norm.key)
def test_an_image_does_not_depend_on_the_others(norm):
    module, x = norm.build((6, 5, 5)), noise(4, 6, 5, 5)
    torch.testing.assert_close(module(x)[:1], module(x[:1]))


@pytest.mark.parametrize(
    ("defaults", "layers"),
    [
        ("norm: group", "{conv: {channels: 8}}"),
        (
            "norm: layer",
            "{conv: {channels: 4, kernel: 8, padding: valid}}, {linear: {features: 1}}, {norm: {kind: layer}}",
        ),
        ("norm: weight, order: conv-act-norm", "{conv: {channels: 8}}"),
        ("norm: none", "{linear: {features: 4}}, {norm: {kind: local_response}}"),
        ("norm: none", "{linear: {features: 4}}, {spatial_dropout: {}}"),
    ],
)
def test_norms_that_cannot_be_are_findings(defaults, layers):
    assert graph_of(spec_of(defaults, layers, "flatten")).finding


@pytest.mark.parametrize("size", [1, 3, 4, 5])
def test_local_response_norm_is_its_formula(size):
    x = noise(2, 7, 3, 3)
    found = LocalResponseNorm(size=size, alpha=0.3, beta=0.6, k=1.7).build((7, 3, 3))(x)
    for channel in range(7):
        low, high = max(channel - size // 2, 0), channel + (size - 1) // 2 + 1
        squares = x[:, low:high].pow(2).sum(1)
        expected = x[:, channel] / (1.7 + 0.3 / size * squares) ** 0.6
        torch.testing.assert_close(found[:, channel], expected)


def test_weight_norm_is_length_times_direction_and_keeps_the_initial_function():
    network, plain = (network_of(f"norm: {norm}", "{conv: {channels: 4}}") for norm in ("weight", "none"))
    x = noise(2, 1, 8, 8)
    torch.testing.assert_close(network(x), plain(x))
    conv = network.get_submodule("layers.0.conv")
    assert isinstance(conv, nn.Conv2d)
    length = network.get_parameter("layers.0.conv.parametrizations.weight.original0")
    torch.testing.assert_close(conv.weight.flatten(1).norm(dim=1), length.flatten())
    before = network(x)
    with torch.no_grad():
        network.get_parameter("layers.0.conv.parametrizations.weight.original1").mul_(3)
    torch.testing.assert_close(network(x), before)
    torch.testing.assert_close(copy.deepcopy(network)(x), before)  # as a running average of the weights needs
    assert network.graph.parameters == plain.graph.parameters + 4


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "weight", "local_response", "none"])
def test_every_norm_in_a_network_of_the_declared_shape(norm):
    norm = "{group: {groups: 2}}" if norm == "group" else norm
    network_of(f"norm: {norm}", "{conv: {channels: 4, padding: [0, 1, 1, 0]}}, {basic: {channels: 6}}")


def test_norms_start_at_their_scale():
    for norm in (BatchNorm(scale=0.5), LayerNorm(scale=0.5), GroupNorm(groups=1, scale=0.5)):
        assert norm.build((2, 4, 4)).get_parameter("weight").tolist() == [0.5, 0.5]


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5])
def test_gaussian_dropout_has_the_moments_of_dropout(rate):
    module = GaussianDrop(rate=rate).build((1,))
    torch.manual_seed(0)
    factors = module.train()(torch.ones(400_000))
    assert abs(float(factors.mean()) - 1) < 0.01
    assert abs(float(factors.var()) - rate / (1 - rate)) < 0.01
    x = noise(10)
    assert torch.equal(module.eval()(x), x)


def test_alpha_dropout_keeps_mean_and_variance_where_dropout_does_not():
    x = noise(400_000)
    torch.manual_seed(0)
    found = AlphaDrop(rate=0.1).build((1,)).train()(x)
    assert abs(float(found.mean())) < 0.01
    assert abs(float(found.var()) - 1) < 0.01
    assert abs(float(F.dropout(x, 0.1).var()) - 1 / 0.9) < 0.01


def test_spatial_dropout_takes_whole_channels():
    torch.manual_seed(0)
    found = SpatialDrop(rate=0.25).build((100, 3, 3)).train()(torch.ones(50, 100, 3, 3)).flatten(2)
    assert torch.equal(found.amin(2), found.amax(2))
    assert found.unique().tolist() == pytest.approx([0, 4 / 3])
    assert abs(float((found == 0).float().mean()) - 0.25) < 0.03


def test_stochastic_depth_leaves_out_bodies_of_single_images():
    network = network_of(
        "norm: none, activation: none, stochastic_depth: {rate: 0.5, rule: uniform}",
        "{residual: {layers: [{conv: {channels: 1, kernel: 1, bias: false}}]}}",
    )
    with torch.no_grad():
        network.get_parameter("layers.0.body.0.conv.weight").fill_(3.0)
    module = nn.Sequential(network.get_submodule("layers.0.body.0.conv"), network.get_submodule("layers.0.drop"))
    torch.manual_seed(0)
    found = module.train()(torch.ones(4000, 1, 2, 2)).flatten(1)
    assert set(found.unique().tolist()) == {0.0, 6.0}
    assert torch.equal(found.amin(1), found.amax(1))
    assert abs(float((found == 0).float().mean()) - 0.5) < 0.03
    assert set(module.eval()(torch.ones(9, 1, 2, 2)).unique().tolist()) == {3.0}


def test_stochastic_depth_grows_with_the_depth():
    graph = graph_of(spec_of("stochastic_depth: {rate: 0.4}", "{basic: {channels: 4, repeat: 4}}"))
    rates = [node.operation.rate for node in graph.nodes if isinstance(node.operation, DepthDrop)]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_zero_gamma_makes_every_block_its_shortcut():
    network = network_of("zero_gamma: true", "{conv: {channels: 4}}, {basic: {channels: 4, repeat: 2}}").eval()
    stem = nn.Sequential(*(network.get_submodule(f"layers.0.{name}") for name in ("conv", "norm", "act")))
    x = noise(2, 1, 8, 8)
    torch.testing.assert_close(network(x), network.get_submodule("head.linear")(stem(x).mean((2, 3))))
    scales = [node.operation.scale for node in network.graph.nodes if isinstance(node.operation, BatchNorm)]
    assert scales == [1, 1, 0, 1, 0]


def randomized(network: Network) -> Network:
    """Statistics, scales and shifts as they are after training."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
            module.get_buffer("running_mean").normal_(0, 1, generator=generator)
            module.get_buffer("running_var").uniform_(0.3, 3, generator=generator)
            nn.init.uniform_(module.weight, -2, 2, generator=generator)
            nn.init.normal_(module.bias, 0, 1, generator=generator)
    return network.eval()


RESIDUAL = "{conv: {channels: 4, kernel: 5}}, {bottleneck: {channels: 8, stride: 2, repeat: 2}}, {basic: {channels: 8}}"
FOLDS = [  # defaults, layers, batch norms that stay
    ("", RESIDUAL, 0),
    (
        "norm: {batch: {eps: 0.001}}",
        "{conv: {channels: 8, padding: [0, 1, 0, 1], stride: 2}}, {conv: {channels: 8, groups: 4}}",
        0,
    ),
    ("order: conv-act-norm", "{conv: {channels: 4}}, {conv: {channels: 4}}", 2),
    ("order: norm-act-conv", "{conv: {channels: 4}}, {conv: {channels: 4}}", 1),
    ("norm: weight", "{conv: {channels: 4, activation: none}}, {norm: {kind: batch}}", 0),
    ("", "{linear: {features: 6, activation: none}}, {norm: {kind: batch}}", 0),
    ("norm: none", "{conv: {channels: 4, activation: none}}, {branches: {paths: [[{norm: {kind: batch}}], []]}}", 1),
    ("norm: {group: {groups: 2}}", "{conv: {channels: 4}}", 0),
]


@pytest.mark.parametrize(("defaults", "layers", "left"), FOLDS)
def test_a_fused_network_puts_out_the_same(defaults, layers, left):
    head = "flatten" if "linear" in layers else "average"
    network = randomized(network_of(defaults, layers, head))
    before = copy.deepcopy(network.state_dict())
    fused = fuse(network)
    images = noise(4, 1, 8, 8)
    torch.testing.assert_close(fused(images), network(images), atol=1e-5, rtol=1e-5)
    assert sum(isinstance(node.operation, BatchNorm) for node in fused.graph.nodes) == left
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    parameters = sum(parameter.numel() for parameter in fused.parameters())
    assert fused.graph.parameters == parameters


def test_fused_of_a_published_size_is_smaller_and_keeps_its_names():
    network = randomized(network_of("", RESIDUAL))
    fused = fuse(network)
    assert [node.name for node in fused.graph.nodes] == [node.name for node in network.graph.nodes]
    assert any(isinstance(node.operation, Folded) for node in fused.graph.nodes)
    assert fused.graph.parameters < network.graph.parameters


def test_fuse_refuses_training_mode():
    with pytest.raises(CnnwizError, match=r"network\.eval"):
        fuse(network_of("", RESIDUAL).train())


def test_slopes_of_kaiming_follow_the_activation():
    for activation, slope in ((Relu(), 0.0), (VeryLeakyRelu(), 1 / 3), (Prelu(), 0.25), (Rrelu(), 11 / 48)):
        assert activation.slope() == pytest.approx(slope)
    for activation in (Tanh(), Selu(), Maxout()):
        assert activation.slope() is None
    graph = graph_of(
        spec_of("norm: none, activation: very_leaky_relu", "{conv: {channels: 64}}, {conv: {channels: 256}}")
    )
    weight = build_graph(graph, 0).get_parameter("layers.1.conv.weight")
    assert float(weight.detach().std()) == pytest.approx(math.sqrt(2 / (1 + 1 / 9) / (64 * 9)), rel=0.02)
