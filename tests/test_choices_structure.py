"""Convolutions, compositions, blocks, pooling and heads against closed forms and naive loops."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.graph import Graph, wire_model
from cnnwiz.nn.layers import StochasticPool2d
from cnnwiz.nn.network import Network, build_graph
from cnnwiz.spec import parse_text
from cnnwiz.training.auxiliary import judged_beside

SPEC = """
cnnwiz: 1
data: {image_size: 8}
model:
  defaults: {norm: none, activation: none, DEFAULTS}
  layers: [LAYERS]
  head: HEAD
"""


def graph_of(layers: str, defaults: str = "conv: standard", shape=(6, 8, 8), head: str = "average") -> Graph:
    """The graph of some layers, without norm and activation unless `defaults` or the layers say otherwise."""
    text = SPEC.replace("DEFAULTS", defaults).replace("LAYERS", layers).replace("HEAD", head)
    for word in ("norm", "activation"):  # a key stands once
        text = text.replace(f"{word}: none, ", "", 1) if f"{word}:" in defaults else text
    document = parse_text(text)
    assert document.spec is not None, document.findings
    return wire_model(document.spec.model, shape, 3, "net")


def trunk(layers: str, defaults: str = "conv: standard", shape=(6, 8, 8)) -> Network:
    """The layers alone, in evaluation mode: the head's nodes are cut off."""
    graph = graph_of(layers, defaults, shape)
    assert graph.finding is None, graph.finding.message
    network = build_graph(graph, seed=0).eval()
    network.steps = network.steps[: graph.trunk + 1]
    return network


def images(channels: int = 6, side: int = 8) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, channels, side, side)


def weight(network: Network, name: str) -> Tensor:
    return network.get_parameter(f"layers.0.{name}.weight").detach()


def equal(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


# Convolutions


def test_pointwise_is_a_linear_layer_on_channels():
    net, x = trunk("pointwise: {channels: 4}"), images()
    mixed = F.linear(x.movedim(1, -1), weight(net, "conv")[:, :, 0, 0]).movedim(-1, 1)
    equal(net(x), mixed)


def test_separable_depthwise_first_is_a_dense_convolution_of_rank_one_per_channel():
    net, x = trunk("conv: {channels: 4, bias: false, kind: separable}"), images()
    per_channel, mix = weight(net, "depthwise"), weight(net, "pointwise")
    equal(net(x), F.conv2d(x, mix * per_channel.transpose(0, 1), padding=1))
    assert sum(p.numel() for p in net.parameters() if p.dim() == 4) == 9 * 6 + 6 * 4


def test_separable_pointwise_first_is_a_dense_convolution_of_rank_one_per_filter():
    kind = "{separable: {order: pointwise-first}}"
    net, x = trunk(f"conv: {{channels: 4, stride: 2, bias: false, kind: {kind}}}"), images()
    equal(net(x), F.conv2d(x, weight(net, "pointwise") * weight(net, "depthwise"), stride=2, padding=1))
    assert sum(p.numel() for p in net.parameters() if p.dim() == 4) == 6 * 4 + 9 * 4


def test_separable_has_what_stands_between():
    graph = graph_of("conv: {channels: 4, kind: {separable: {norm: batch, activation: relu, multiplier: 2}}}")
    assert [node.kind for node in graph.nodes[:4]] == ["conv", "batch", "relu", "conv"]
    assert graph.nodes[0].output == (12, 8, 8)


def test_flattened_stage_is_a_dense_convolution_of_outer_products():
    kind = "{flattened: {stages: 1}}"
    net, x = trunk(f"conv: {{channels: 8, bias: false, kind: {kind}}}"), images()
    lateral, down, across = (weight(net, f"stage1.{name}") for name in ("lateral", "vertical", "horizontal"))
    equal(net(x), F.conv2d(x, lateral * (down * across), padding=1))
    assert sum(p.numel() for p in net.parameters() if p.dim() == 4) == 96  # 432 for the dense convolution


def test_flattened_strides_once():
    assert graph_of("conv: {channels: 8, stride: 2, kind: flattened}").nodes[5].output == (8, 4, 4)


@pytest.mark.parametrize("first", ["horizontal", "vertical"])
def test_asymmetric_pair_is_a_dense_convolution_of_composed_kernels(first):
    kind = f"{{asymmetric: {{first: {first}}}}}"
    net, x = trunk(f"conv: {{channels: 4, kernel: 5, bias: false, kind: {kind}}}"), images()
    across, down = weight(net, "horizontal"), weight(net, "vertical")
    product = "omy,mix->oiyx" if first == "horizontal" else "omx,miy->oiyx"
    parts = (down[..., 0], across[:, :, 0]) if first == "horizontal" else (across[:, :, 0], down[..., 0])
    equal(net(x), F.conv2d(x, torch.einsum(product, *parts), padding=2))


def test_grouped_is_a_block_diagonal_convolution():
    net, x = trunk("conv: {channels: 4, bias: false, kind: {grouped: {groups: 2}}}"), images()
    dense = torch.zeros(4, 6, 3, 3)
    dense[:2, :3], dense[2:, 3:] = weight(net, "conv").split(2)
    equal(net(x), F.conv2d(x, dense, padding=1))


def test_groups_of_a_layer_count_more_than_those_of_the_kind():
    nodes = graph_of("conv: {channels: 6, groups: 3}, conv: {channels: 6}", "conv: {grouped: {groups: 2}}").nodes
    assert [node.operation.groups for node in nodes[:2]] == [3, 2]


def test_shuffle_deals_channels_out():
    x = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert trunk("shuffle: {groups: 3}", shape=(6, 1, 1))(x).flatten().tolist() == [0, 2, 4, 1, 3, 5]
    there_and_back = trunk("shuffle: {groups: 3}, shuffle: {groups: 2}", shape=(6, 1, 1))
    assert torch.equal(there_and_back(x), x)


def test_shuffled_grouped_convolution_is_a_grouped_one_and_a_shuffle():
    together = trunk("conv: {channels: 6, kind: shuffled_grouped}")
    apart = trunk("conv: {channels: 6, groups: 3}, shuffle: {groups: 3}")
    apart.load_state_dict(together.state_dict())
    equal(together(images()), apart(images()))


# Compositions and blocks


def test_split_gives_each_path_its_channels():
    net, x = trunk("split: {shares: [2, 4], paths: [[], [pool: {kernel: 1}]]}"), images()
    assert torch.equal(net(x), x)
    assert "divides" in graph_of("split: {paths: [[], [], [], []]}").finding.message


@pytest.mark.parametrize(("bias", "expected"), [(-30.0, "carry"), (30.0, "transform")])
def test_highway_carries_or_transforms(bias, expected):
    net, x = trunk("highway", "activation: relu"), images()
    gate = net.get_submodule("layers.0.gate")
    assert gate.bias.tolist() == [-2.0] * 6
    nn.init.zeros_(gate.weight)
    nn.init.constant_(gate.bias, bias)
    transform = net.get_submodule("layers.0.transform.conv")
    equal(net(x), x if expected == "carry" else transform(x).relu())


def test_gate_of_branches_is_that_of_a_highway():
    highway, x = trunk("highway", "activation: relu"), images()
    paths = "[[conv: {channels: 6}], [conv: {channels: 6, activation: none}]]"
    branches = trunk(f"branches: {{merge: gate, paths: {paths}}}", "activation: relu")
    branches.load_state_dict(dict(zip(branches.state_dict(), highway.state_dict().values(), strict=True)))
    equal(branches(x), highway(x))


def test_product_weighs_channels():
    """Squeeze and excitation, which nobody named: global pooling, two 1x1 convolutions, a product."""
    paths = "[[], [adaptive_pool: {size: 1}, pointwise: {channels: 2}, pointwise: {channels: 6, activation: sigmoid}]]"
    net, x = trunk(f"branches: {{merge: multiply, paths: {paths}}}"), images()
    first, second = (net.get_submodule(f"layers.0.path1.{i}.conv") for i in (1, 2))
    equal(net(x), x * second(first(x.mean((2, 3), keepdim=True))).sigmoid())


@pytest.mark.parametrize("order", ["conv-norm-act", "norm-act-conv"])
def test_residual_block_with_a_body_of_zeros_is_its_input(order):
    net, x = trunk("basic: {channels: 6}", f"activation: relu, norm: batch, order: {order}"), images()
    nn.init.zeros_(net.get_submodule("layers.0.conv2.conv").weight)
    equal(net(x), x.relu() if order == "conv-norm-act" else x)


def test_residual_scales_its_body():
    net, x = trunk("residual: {scale: 0.1, layers: [pointwise: {channels: 6}]}", "activation: relu"), images()
    body = net.get_submodule("layers.0.body.0.conv")
    equal(net(x), (x + 0.1 * body(x).relu()).relu())


@pytest.mark.parametrize("block", ["basic: {channels: 8}", "residual: {layers: [conv: {channels: 8, repeat: 2}]}"])
def test_preactivation_is_shared_with_the_projection(block):
    graph = graph_of(block, "activation: relu, norm: batch, order: norm-act-conv")
    names = [node.name for node in graph.nodes]
    projection = graph.nodes[names.index("layers.0.shortcut.conv")]
    assert projection.inputs == (1,)
    assert [node.kind for node in graph.nodes[:2]] == ["batch", "relu"]
    assert "layers.0.shortcut.norm" not in names


def test_act_first_projection_reads_the_input():
    graph = graph_of("residual: {layers: [conv: {channels: 8}]}", "activation: relu, norm: batch, order: act-conv-norm")
    projection = next(node for node in graph.nodes if node.name == "layers.0.shortcut.conv")
    assert projection.inputs == (-1,)


def test_shortcut_of_layers_is_resnet_d():
    shortcut = "{layers: {layers: [pool: {kernel: 2, stride: 2, kind: average}, pointwise: {channels: 8}]}}"
    net, x = (
        trunk(f"residual: {{layers: [conv: {{channels: 8, stride: 2}}], shortcut: {shortcut}}}"),
        images(),
    )
    body, bypass = net.get_submodule("layers.0.body.0.conv"), net.get_submodule("layers.0.shortcut.path.1.conv")
    equal(net(x), body(x) + bypass(F.avg_pool2d(x, 2)))


def test_dense_keeps_its_input_in_front():
    net, x = trunk("dense: {growth: 4, repeat: 3}", "norm: batch, order: norm-act-conv"), images()
    assert net(x).shape == (2, 6 + 3 * 4, 8, 8)
    equal(net(x)[:, :6], x)


def test_dense_takes_any_layers():
    layers = "[branches: {paths: [[pointwise: {channels: 16}, conv: {channels: 2}], [pool: {kernel: 3}]]}]"
    inception = graph_of(f"dense: {{layers: {layers}}}")
    assert inception.nodes[inception.trunk].output == (6 + 2 + 6, 8, 8)
    named, any_layers = "dense: {growth: 4}", "dense: {layers: [pointwise: {channels: 16}, conv: {channels: 4}]}"
    one, other, x = trunk(named), trunk(any_layers), images()
    other.load_state_dict(dict(zip(other.state_dict(), one.state_dict().values(), strict=True)))
    equal(one(x), other(x))


def test_transition_compresses_and_halves():
    assert graph_of("transition: {compression: 0.5}").nodes[1].output == (3, 4, 4)


def test_dual_path_adds_in_front_and_appends_behind():
    net, x = trunk("dual_path: {channels: 4, width: 4, growth: 2, repeat: 2}"), images()
    first, second = (f"layers.0.{turn}" for turn in (0, 1))

    def body(block: str, x: Tensor) -> Tensor:
        for name in ("conv1", "conv2", "conv3"):
            x = net.get_submodule(f"{block}.{name}.conv")(x)
        return x

    state, change = net.get_submodule(f"{first}.projection.conv")(x), body(first, x)
    state = torch.cat([state[:, :4] + change[:, :4], state[:, 4:], change[:, 4:]], 1)
    change = body(second, state)
    equal(net(x), torch.cat([state[:, :4] + change[:, :4], state[:, 4:], change[:, 4:]], 1))


def test_inverted_residual_adds_only_where_the_shape_stays():
    kinds = [node.kind for node in graph_of("inverted_residual: {channels: 8, repeat: 2}").nodes]
    assert kinds.count("add") == 1
    assert graph_of("inverted_residual: {channels: 8, expansion: 1}").nodes[0].operation.groups == 6


# Pooling


def test_stochastic_pooling_weighs_in_evaluation_and_draws_in_training():
    pool = StochasticPool2d((2, 2), (2, 2), (0, 0, 0, 0), (2, 2))
    x = torch.tensor([[1.0, 3, -1, -2], [0, 0, 0, -3], [2, 2, 5, 0], [2, 2, 0, 0]]).expand(1, 1, 4, 4)
    assert pool.eval()(x).flatten().tolist() == [2.5, 0, 2, 5]  # (1 + 9) / 4 in the first window
    torch.manual_seed(0)
    drawn = torch.stack([pool.train()(x).flatten() for _ in range(2000)])
    assert drawn.unique(dim=0).tolist() == [[1, 0, 2, 5], [3, 0, 2, 5]]
    assert drawn[:, 0].mean() == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize(("side", "ceil"), [(7, True), (7, False), (8, True), (5, True)])
def test_stochastic_pooling_has_the_size_of_max_pooling(side, ceil):
    layer = f"pool: {{kernel: 3, stride: 2, padding: 1, ceil: {str(ceil).lower()}, kind: stochastic}}"
    net, x = trunk(layer, shape=(6, side, side)), torch.ones(2, 6, side, side)
    assert net(x).shape == F.max_pool2d(x, 3, 2, 1, ceil_mode=ceil).shape
    equal(net(x), torch.ones_like(net(x)))


@pytest.mark.parametrize("side", [1, 3, 5, 16])
def test_adaptive_pool_takes_any_size(side):
    net, x = trunk("adaptive_pool: {size: [3, 2]}", shape=(6, side, side)), images(side=side)
    equal(net(x), F.adaptive_avg_pool2d(x, (3, 2)))


# Heads


def heads(size: int) -> tuple[Network, Network]:
    """The same classifier as linear layers for maps of 4x4, and as convolutions for maps of any `size`."""
    flat = build_graph(graph_of("pool: {kernel: 1}", shape=(6, 4, 4), head="{flatten: {hidden: [5, 7]}}"), 0).eval()
    head = "{conv: {hidden: [5, 7], kernel: 4}}"
    conv = build_graph(graph_of("pool: {kernel: 1}", shape=(6, size, size), head=head), 0).eval()
    own = conv.state_dict()
    state = zip(own, flat.state_dict().values(), strict=True)
    conv.load_state_dict({name: tensor.reshape(own[name].shape) for name, tensor in state})
    return flat, conv


def test_conv_head_is_the_flatten_head_at_its_native_size():
    flat, conv = heads(4)
    equal(conv(images(side=4)), flat(images(side=4)))


def test_conv_head_averages_the_scores_of_all_windows():
    flat, conv = heads(6)
    x = images(side=6)
    windows = [flat(x[:, :, i : i + 4, j : j + 4]) for i in range(3) for j in range(3)]
    equal(conv(x), torch.stack(windows).mean(0))


def test_conv_head_without_hidden_layers_is_the_average_head():
    """The mean of a 1x1 convolution is a linear layer of the mean; with ReLU in between, as in NiN, it is not."""
    x = images()
    average = build_graph(graph_of("pool: {kernel: 1}"), 0).eval()
    conv, nin = (build_graph(graph_of("pool: {kernel: 1}", head=head), 0) for head in ("conv", "{conv: {final: relu}}"))
    for network in (conv, nin):
        network.load_state_dict(
            {f"head.scores.{name}": average.state_dict()[f"head.linear.{name}"].reshape(shape)
             for name, shape in (("weight", (3, 6, 1, 1)), ("bias", (3,)))}
        )  # fmt: skip
    equal(conv(x), average(x))
    assert (nin(x) >= 0).all()


def test_auxiliary_head_runs_in_training_only():
    layers = "auxiliary: {weight: 0.5, layers: [conv: {channels: 2}]}, pointwise: {channels: 4}"
    network = build_graph(graph_of(layers), 0)
    x, labels = images(), torch.tensor([0, 2])
    scores, beside = network.train()(x)
    assert scores.shape == beside.shape == (2, 3)
    equal(network.eval()(x), scores)
    loss = nn.CrossEntropyLoss()
    total = judged_beside(loss, loss, network.graph)(scores, labels, beside)
    equal(total, loss(scores, labels) + 0.5 * loss(beside, labels))
    total.backward()
    assert all(p.grad is not None for p in network.parameters())
    assert judged_beside(loss, loss, graph_of("pointwise: {channels: 4}")) is loss


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ("dense: {growth: 4, layers: [conv: {channels: 4}]}", "either growth or layers"),
        ("dense", "either growth or layers"),
        ("branches: {merge: gate, paths: [[], [], [], []]}", "2 or 3 paths"),
        ("split: {merge: gate, paths: [[], []]}", "3 paths"),
        ("split: {shares: [1], paths: [[], []]}", "write one for each"),
        ("auxiliary: {head: embedding}", "one score per class"),
        ("highway: {gate_bias: 1.0}", "below 0"),
        ("conv: {channels: 4, kind: {separable: {order: pointwise-first, multiplier: 2}}}", "depthwise-first"),
    ],
)
def test_what_contradicts_itself_cannot_be_written(layers, reason):
    document = parse_text(SPEC.replace(", DEFAULTS", "").replace("LAYERS", layers).replace("HEAD", "average"))
    assert document.spec is None
    assert reason in document.findings[0].message


def test_a_highway_cannot_change_channels():
    paths = "[[conv: {channels: 8}], [conv: {channels: 8}]]"
    assert "plain conv" in graph_of(f"branches: {{merge: gate, paths: {paths}}}").finding.message


@pytest.mark.parametrize(
    "layers",
    [
        "transition: {compression: 1.0}",
        "highway",
        "dense: {growth: 65536}",
        "dual_path: {channels: 65536, width: 4, growth: 65536}",
        "inverted_residual: {channels: 4}",
    ],
)
def test_computed_widths_beyond_the_limit_of_the_key_are_findings(layers):
    wide = "branches: {paths: [[pointwise: {channels: 65536}], [pointwise: {channels: 65536}]]}"
    assert graph_of(f"{wide}, {layers}").finding.code == "CNN299"
