"""Initializers and penalties, each against its formula or an identity."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.catalog.initialization import Lecun, Orthogonal, Xavier
from cnnwiz.nn.initialize import FILLED
from cnnwiz.nn.lsuv import settle
from cnnwiz.nn.network import Network, build
from cnnwiz.spec import parse_text
from cnnwiz.training.optimize import parameter_groups
from cnnwiz.training.penalty import Penalized, penalized

torch.set_num_threads(1)


def spec_of(defaults: str, layers: str = "{conv: {channels: 6}}, {linear: {features: 5}}", more: str = ""):
    text = f"""
cnnwiz: 1
data: {{image_size: 8, channels: 1, classes: 3}}
model:
  defaults: {{{defaults}}}
  layers: [{layers}]
  head: flatten
{more}
"""
    document = parse_text(text)
    assert document.spec, [finding.message for finding in document.findings]
    return document.spec


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_standard_deviations_are_the_published_ones(distribution):
    for init, variance in ((Lecun, 1 / 1152), (Xavier, 2 / (1152 + 2304))):
        weight = torch.empty(256, 128, 3, 3)
        init(distribution=distribution).build(weight, 0.0, 1, torch.Generator().manual_seed(0))
        assert float(weight.std()) == pytest.approx(math.sqrt(variance), rel=0.01)


@pytest.mark.parametrize(
    ("shape", "groups"), [((6, 3, 3, 3), 1), ((64, 3, 3, 3), 1), ((8, 4, 1, 1), 2), ((7, 1, 3, 3), 7), ((5, 20), 1)]
)
@pytest.mark.parametrize("slope", [0.0, 1 / 3, None])
def test_orthogonal_filters_are_orthonormal_times_the_gain(shape, groups, slope):
    weight = torch.empty(shape)
    Orthogonal().build(weight, slope, groups, torch.Generator().manual_seed(0))
    gain = 1.0 if slope is None else 2 / (1 + slope**2)
    for matrix in weight.flatten(1).chunk(groups):
        matrix = matrix if len(matrix) <= matrix.shape[1] else matrix.T
        torch.testing.assert_close(matrix @ matrix.T, gain * torch.eye(len(matrix)), atol=1e-5, rtol=0)


NETWORKS = {
    "plain": ("norm: none", "{conv: {channels: 8, repeat: 3}}, {linear: {features: 5}}"),
    "maxout": ("norm: none, activation: maxout", "{conv: {channels: 8}}, {pool: {kernel: 2, stride: 2}}"),
    "branches": ("norm: none, activation: elu", "{branches: {paths: [[{conv: {channels: 4, repeat: 2}}], []]}}"),
    "residual": ("zero_gamma: true", "{conv: {channels: 8}}, {basic: {channels: 8, repeat: 2}}"),
    "weight norm": ("norm: weight, activation: tanh", "{conv: {channels: 8, repeat: 2}}"),
    "random": ("norm: none, activation: rrelu", "{conv: {channels: 8}}, {dropout: {}}, {conv: {channels: 8}}"),
}


def weighted(network: Network) -> list[nn.Module]:
    """Modules whose weight an initializer fills."""
    nodes = network.graph.nodes
    return [
        module
        for index, module, _, _ in network.steps
        if any(parameter.role in FILLED for parameter in nodes[index].parameters.values())
    ]


def weights(network: Network) -> list[Tensor]:
    found = [module.weight for module in weighted(network) if isinstance(module, (nn.Conv2d, nn.Linear))]
    return [weight.detach().clone() for weight in found]


def variances(network: Network, images: Tensor) -> list[float]:
    found = []
    hooks = [
        module.register_forward_hook(lambda _m, _i, output: found.append(float(output.detach().var())))
        for module in weighted(network)
    ]
    network.eval()(images)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_lsuv_gives_every_layer_unit_variance(name):
    defaults, layers = NETWORKS[name]
    network = build(spec_of(f"init: lsuv, {defaults}", layers)).train()
    images = 0.2 * noise(32, 1, 8, 8) + 0.1
    before = weights(network)
    assert any(abs(variance - 1) > 0.1 for variance in variances(network, images))
    network.train()
    settle(network, images)
    assert network.training
    found = variances(network, images)
    assert len(found) == len(before)
    assert all(0.9 < variance < 1.1 for variance in found)
    for old, new in zip(before, weights(network), strict=True):
        torch.testing.assert_close(F.normalize(old.flatten(), dim=0), F.normalize(new.flatten(), dim=0))
    settled = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    settle(network, images)
    assert all(torch.equal(tensor, settled[name]) for name, tensor in network.state_dict().items())


def test_lsuv_leaves_layers_alone_that_put_out_nothing():
    network = build(spec_of("init: lsuv, norm: none"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    settle(network, torch.zeros(4, 1, 8, 8))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_other_initializations_look_at_no_images():
    network = build(spec_of("init: orthogonal"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    settle(network, noise(4, 1, 8, 8))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def gradients(penalties: str) -> dict[str, tuple[str, Tensor, Tensor | None]]:
    """Role, value and gradient of each parameter under a penalty alone."""
    spec = spec_of("activation: prelu", more=f"regularization: {{{penalties}}}")
    network = build(spec)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(noise(*parameter.shape))
    network.get_parameter("layers.0.conv.weight").data[0, 0, 0, 0] = 0.0
    objective = penalized(nn.CrossEntropyLoss(), network, network.graph, spec.regularization)
    assert isinstance(objective, Penalized)
    objective.penalty().backward()
    return {
        f"{node.name}.{name}": (role.role, parameter.detach(), parameter.grad)
        for node in network.graph.nodes
        for name, role in node.parameters.items()
        for parameter in [network.get_parameter(f"{node.name}.{name}")]
    }


@pytest.mark.parametrize(
    ("penalty", "gradient"),
    [
        ("l1: {factor: 0.01}", lambda w: 0.01 * w.sign()),
        ("lp: {factor: 0.01, p: 1.0}", lambda w: 0.01 * w.sign()),
        ("lp: {factor: 0.01, p: 2.0}", lambda w: 0.02 * w),
        ("lp: {factor: 0.01, p: 1.5}", lambda w: 0.015 * w.abs().sqrt() * w.sign()),
        ("lp: {factor: 0.01, p: 0.5}", lambda w: 0.005 / (w.abs() + 1e-8).sqrt() * w.sign()),
        ("l1: {factor: 0.01}, lp: {factor: 0.01, p: 2.0}", lambda w: 0.01 * w.sign() + 0.02 * w),
    ],
)
def test_penalties_pull_weights_by_their_derivative_and_spare_the_rest(penalty, gradient):
    roles = set()
    for role, value, found in gradients(penalty).values():
        roles.add(role)
        if role in ("norm", "bias", "slope"):
            assert found is None
        else:
            torch.testing.assert_close(found, gradient(value), atol=1e-6, rtol=1e-4)
    assert roles == {"weight", "classifier", "norm", "bias", "slope"}


def test_penalties_skip_what_they_are_told_to():
    found = gradients("l1: {skip: [classifier]}")
    assert {role for role, _, gradient in found.values() if gradient is not None} == {"weight", "norm", "bias"}


def test_the_penalized_loss_is_the_sum_and_without_penalties_the_loss_itself():
    spec = spec_of("", more="regularization: {l1: {factor: 0.5, skip: []}}")
    network, loss = build(spec), nn.CrossEntropyLoss()
    scores, labels = noise(4, 3), torch.tensor([0, 1, 2, 0])
    expected = loss(scores, labels) + 0.5 * sum(parameter.abs().sum() for parameter in network.parameters())
    found = penalized(loss, network, network.graph, spec.regularization)
    torch.testing.assert_close(found(scores, labels), expected)
    assert list(found.parameters()) == []
    assert penalized(loss, network, network.graph, spec_of("").regularization) is loss


def test_slopes_never_decay():
    spec = spec_of("activation: prelu", more="regularization: {l2: {factor: 0.1, skip: []}}")
    network = build(spec)
    groups = parameter_groups(network, network.graph, spec)
    spared = {id(parameter) for group in groups if group["weight_decay"] == 0 for parameter in group["params"]}
    assert spared == {id(network.get_parameter(f"layers.{layer}.act.weight")) for layer in (0, 1)}
    assert {group["weight_decay"] for group in groups} == {0, 0.1}
