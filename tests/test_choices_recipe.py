"""What short trainings are made of: whitened patches, partial identities, rates by role, decoupled units, lookahead."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.catalog.lookahead import Lookahead
from cnnwiz.catalog.optimizer import DecoupledSgd
from cnnwiz.catalog.schedule import OneCycle
from cnnwiz.evaluation.views import views
from cnnwiz.graph import graph_of
from cnnwiz.nn.lsuv import settle
from cnnwiz.nn.network import Network, build
from cnnwiz.spec import parse_text
from cnnwiz.training.average import SlowWeights
from cnnwiz.training.optimize import parameter_groups


def spec_of(layers: str, more: str = "", defaults: str = "norm: none", head: str = "average"):
    text = f"""
cnnwiz: 1
data: {{image_size: 12, channels: 3, classes: 4}}
model:
  defaults: {{{defaults}}}
  layers: [{layers}]
  head: {head}
{more}
"""
    document = parse_text(text)
    assert document.spec, [finding.message for finding in document.findings]
    return document.spec


def problem_of(layers: str, defaults: str = "norm: none") -> str:
    finding = graph_of(spec_of(layers, defaults=defaults)).finding
    assert finding is not None
    return finding.message


def images(count: int = 300) -> Tensor:
    """Smooth images of three channels that have something to do with each other."""
    noise = torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    mixed = torch.einsum("oc,bchw->bohw", torch.tensor([[1.0, 0.5, 0.2], [0.5, 1.0, 0.3], [0.1, 0.4, 0.8]]), noise)
    return F.avg_pool2d(mixed, 5, 1)


WHITENED = "{conv: {channels: 24, kernel: 2, padding: valid, bias: true, init: {whitening: {eps: 1.0e-9}}}}"


def test_whitened_patches_are_uncorrelated_and_of_variance_one() -> None:
    network = build(spec_of(WHITENED))
    settle(network, images())
    convolution = network.get_submodule("layers.0.conv")
    outputs = convolution(images()).detach().double().movedim(1, 0).flatten(1).numpy()
    positive, negative = outputs[:12], outputs[12:]
    np.testing.assert_array_equal(positive, -negative)
    np.testing.assert_allclose(positive @ positive.T / positive.shape[1], np.eye(12), atol=2e-3)


def test_whitening_filters_are_eigenvectors_found_another_way() -> None:
    network = build(spec_of(WHITENED.replace("24", "8").replace("1.0e-9", "0.01")))
    settle(network, images())
    patches = np.lib.stride_tricks.sliding_window_view(images().numpy().astype(np.float64), (2, 2), (2, 3))
    rows = patches.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 12)
    _, lengths, directions = np.linalg.svd(rows, full_matrices=False)
    found = network.get_buffer("layers.0.conv.weight").flatten(1).double().numpy()
    for filter_, length, direction in zip(found[:4], lengths, directions, strict=False):
        expected = direction / math.sqrt(length**2 / len(rows) + 0.01)
        assert min(abs(filter_ - expected).max(), abs(filter_ + expected).max()) < 1e-3


def test_a_whitened_weight_is_not_trained_but_its_bias_is() -> None:
    spec = spec_of(WHITENED)
    network = Network(graph_of(spec))
    assert {name for name, _ in network.named_parameters()} == {
        "layers.0.conv.bias",
        "head.linear.weight",
        "head.linear.bias",
    }
    assert "layers.0.conv.weight" in network.state_dict()
    assert graph_of(spec).parameters == sum(parameter.numel() for parameter in network.parameters())
    trained = spec_of(WHITENED.replace("1.0e-9", "1.0e-9, trained: true"))
    assert "layers.0.conv.weight" in dict(Network(graph_of(trained)).named_parameters())


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("{conv: {channels: 26, kernel: 2, init: whitening}}", "here 24 at most, not 26"),
        ("{conv: {channels: 7, kernel: 2, init: whitening}}", "an even number"),
        ("{conv: {channels: 6, groups: 3, init: whitening}}", "one group"),
        ("{conv: {channels: 8, norm: weight, init: whitening}}", "weight norm"),
    ],
)
def test_whitening_where_it_cannot_be(layer: str, says: str) -> None:
    assert says in problem_of(layer)


def test_whitening_is_no_init_of_a_whole_network() -> None:
    document = parse_text("cnnwiz: 1\nmodel:\n  defaults: {init: whitening}\n  layers:\n    - conv: {channels: 4}\n")
    assert document.spec is None
    assert "for one layer" in document.findings[0].message


def test_a_layer_may_have_an_init_of_its_own() -> None:
    layers = "{conv: {channels: 4, init: {gaussian: {std: 2.0}}}}, {conv: {channels: 64}}"
    network = build(spec_of(layers, defaults="norm: none, init: {gaussian: {std: 0.01}}"))
    assert 1.4 < float(network.get_parameter("layers.0.conv.weight").detach().std()) < 2.6
    assert float(network.get_parameter("layers.1.conv.weight").detach().std()) < 0.02


@pytest.mark.parametrize(("channels", "groups"), [(3, 1), (8, 1), (2, 1), (6, 3)])
def test_dirac_hands_its_channels_on(channels: int, groups: int) -> None:
    network = build(spec_of(f"{{conv: {{channels: {channels}, groups: {groups}, init: dirac}}}}"))
    x = images(4)
    y = network.get_submodule("layers.0.conv")(x)
    each = channels // groups
    for group in range(groups):
        handed = min(each, 3 // groups)
        first = group * (3 // groups)
        torch.testing.assert_close(y[:, group * each : group * each + handed], x[:, first : first + handed])


def test_the_other_filters_of_dirac_have_the_variance_of_torchs_default() -> None:
    network = build(spec_of("{conv: {channels: 400, init: dirac}}"))
    rest = network.get_parameter("layers.0.conv.weight").detach()[3:]
    assert float(rest.var()) == pytest.approx(1 / (3 * 27), rel=0.05)
    reference = nn.Conv2d(3, 400, 3)
    assert float(rest.abs().max()) == pytest.approx(float(reference.weight.detach().abs().max()), rel=0.02)


def test_a_norm_with_a_fixed_scale_trains_its_shift_only() -> None:
    spec = spec_of("{conv: {channels: 5}}", defaults="norm: {batch: {fixed_scale: true, scale: 2.0}}")
    network = build(spec)
    assert {name for name, _ in network.named_parameters() if "norm" in name} == {"layers.0.norm.bias"}
    usual = build(spec_of("{conv: {channels: 5}}", defaults="norm: {batch: {scale: 2.0}}"))
    usual.load_state_dict(network.state_dict())
    torch.testing.assert_close(network(images(4)), usual(images(4)))


def test_scores_may_be_scaled_and_without_bias() -> None:
    plain = build(spec_of("{conv: {channels: 5}}"))
    scaled = build(spec_of("{conv: {channels: 5}}", head="{average: {bias: false, scale: 0.125}}"))
    scaled.load_state_dict({name: tensor for name, tensor in plain.state_dict().items() if "linear.bias" not in name})
    torch.testing.assert_close(scaled(images(4)), plain(images(4)) / 8)


def test_rates_multiply_the_lr_of_a_role() -> None:
    more = "optimizer: {sgd: {lr: 0.1, rates: {norm: 64.0, classifier: 0.5, bias: 0}}}"
    spec = spec_of("{conv: {channels: 4}}, {conv: {channels: 4, groups: 4}}", more, "norm: batch")
    graph = graph_of(spec)
    network = Network(graph)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = {
        names[id(parameter)]: group["lr_factor"]
        for group in parameter_groups(network, graph, spec)
        for parameter in group["params"]
    }
    assert found == {
        "layers.0.conv.weight": 1.0,
        "layers.0.norm.weight": 64.0,
        "layers.0.norm.bias": 64.0,
        "layers.1.conv.weight": 1.0,
        "layers.1.norm.weight": 64.0,
        "layers.1.norm.bias": 64.0,
        "head.linear.weight": 0.5,
        "head.linear.bias": 0.0,
    }


def test_lbfgs_refuses_rates() -> None:
    document = parse_text(
        "cnnwiz: 1\nmodel: {layers: [{conv: {channels: 4}}]}\noptimizer: {lbfgs: {rates: {bias: 2.0}}}\n"
    )
    assert document.spec is None
    assert "one step" in document.findings[0].message


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.85])
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_decoupled_units(momentum: float, nesterov: bool, factor: float) -> None:
    """One gradient of 1, then none: the whole way is lr. Weight decay alone: the share lost per step settles at it."""
    choice = DecoupledSgd(lr=0.2, momentum=momentum, nesterov=nesterov)

    def moved(decay: float, start: float, gradients: list[float]) -> list[float]:
        weight = nn.Parameter(torch.tensor([start], dtype=torch.float64))
        groups = [{"params": [weight], "weight_decay": decay, "lr_factor": factor}]
        optimizer = choice.build(groups, nn.Module(), fused=False)
        values = []
        for gradient in gradients:
            for group in optimizer.param_groups:
                group["lr"] = choice.lr * group["lr_factor"]  # as the loop does at the highest rate
            weight.grad = torch.full_like(weight, gradient)
            optimizer.step()
            values.append(weight.item())
        return values

    assert moved(0.0, 5.0, [1.0] + [0.0] * 400)[-1] == pytest.approx(5.0 - 0.2 * factor)
    shrinking = moved(1e-4, 1.0, [0.0] * 400)
    assert 1 - shrinking[-1] / shrinking[-2] == pytest.approx(1e-4, rel=1e-2)


def test_a_triangle_is_straight() -> None:
    schedule = OneCycle(rise=0.25, start=0.2, final=0.1, shape="linear")
    known = {0.0: 0.2, 0.125: 0.6, 0.25: 1.0, 0.625: 0.55, 1.0: 0.1}
    for progress, factor in known.items():
        assert schedule.factor(progress * 8, 8) == pytest.approx(factor)


@pytest.mark.parametrize("choice", [Lookahead(), Lookahead(interval=3, share=1.0, final=0.23)])
def test_lookahead_is_the_published_rule(choice: Lookahead) -> None:
    network = nn.Linear(2, 1, bias=False).double()
    slow_weights = SlowWeights(network, choice, total_steps=20)
    fast = network.weight.detach().numpy().copy()
    slow = fast.copy()
    for step in range(1, 21):
        change = np.array([[math.sin(step), math.cos(2 * step)]])
        with torch.no_grad():
            network.weight += torch.from_numpy(change)
        slow_weights.update(step - 1)
        fast = fast + change
        if step % choice.interval == 0:
            share = choice.share + (choice.final - choice.share) * (step / 20) ** 3
            slow = fast.copy() if step == choice.interval else slow + share * (fast - slow)
            fast = slow.copy()
        elif step == 20:
            fast = slow.copy()
        np.testing.assert_allclose(network.weight.detach().numpy(), fast)


def test_muon_with_fixed_lengths_starts_each_step_at_unit_rows() -> None:
    more = "optimizer: {muon: {lr: 0.1, momentum: 0.0, nesterov: false, fixed_length: true}}"
    spec = spec_of("{conv: {channels: 4}}, {conv: {channels: 6}}", more, "norm: batch")
    graph = graph_of(spec)
    network = build(spec)
    optimizer = spec.optimizer.build(parameter_groups(network, graph, spec), network, fused=False)
    weight = network.get_parameter("layers.1.conv.weight")
    first = network.get_parameter("layers.0.conv.weight")
    F.cross_entropy(network(images(8)), torch.arange(8) % 4).backward()
    with torch.no_grad():
        weight.mul_(7.0)
    before = first.norm().item()
    optimizer.param_groups[0]["lr"] = 0.0
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    optimizer.step()
    assert weight.norm().item() == pytest.approx(math.sqrt(6))
    assert first.norm().item() == pytest.approx(before)


@pytest.mark.parametrize(("canvas", "side"), [(8, 8), (11, 8), (1, 1)])
def test_shifted_views_are_those_of_an_image_padded_by_reflection(canvas: int, side: int) -> None:
    canvases = torch.randint(
        0, 256, (3, 2, canvas, canvas), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    preprocessing = {"image_size": side, "mean": [0.0, 0.0], "std": [1 / 255, 1 / 255]}
    found = [view.numpy() for view in views(canvases, preprocessing, "shifts")]
    padded = np.pad(canvases.numpy().astype(np.float32), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    middle = (canvas - side) // 2 + 1
    for number, place in enumerate((middle, middle - 1, middle + 1)):
        expected = padded[:, :, place : place + side, place : place + side]
        np.testing.assert_allclose(found[number], expected, rtol=1e-6)
        np.testing.assert_allclose(found[number + 3], expected[..., ::-1], rtol=1e-6)
    assert len(found) == 6
