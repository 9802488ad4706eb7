"""Initial weights: variances in closed form, the same bits for the same seed, one stream for each tensor."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cnnwiz.nn.network import Network, build
from cnnwiz.spec import Spec, parse_text

LAYERS = (
    "conv: {channels: 64}, conv: {channels: 64}, conv: {channels: 64, groups: 4}, conv: {channels: 256, groups: 64}"
)


def spec(layers: str, defaults: str = "norm: none", head: str = "average", seed: int = 0) -> Spec:
    text = f"""\
cnnwiz: 1
model:
  defaults: {{{defaults}}}
  layers: [{layers}]
  head: {head}
training: {{seed: {seed}}}
"""
    document = parse_text(text)
    assert document.spec is not None, document.findings
    return document.spec


def weights(network: Network) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.named_parameters()}


def deviation(layers: str, defaults: str, name: str, head: str = "average") -> float:
    return float(weights(build(spec(layers, defaults, head)))[name].std(correction=0))


@pytest.mark.parametrize(
    ("init", "activation", "expected"),
    [
        ("kaiming", "relu", math.sqrt(2 / (128 * 9))),
        ("kaiming", "{leaky_relu: {negative_slope: 0.5}}", math.sqrt(2 / (1.25 * 128 * 9))),
        ("kaiming", "sigmoid", math.sqrt(1 / (128 * 9))),
        ("kaiming", "none", math.sqrt(1 / (128 * 9))),
        ("{kaiming: {distribution: uniform}}", "relu", math.sqrt(2 / (128 * 9))),
        ("{kaiming: {mode: fan_out}}", "relu", math.sqrt(2 / (256 * 9))),
        ("xavier", "relu", math.sqrt(2 / ((128 + 256) * 9))),
        ("{xavier: {distribution: normal}}", "relu", math.sqrt(2 / ((128 + 256) * 9))),
        ("gaussian", "relu", 0.01),
        ("{gaussian: {std: 0.5}}", "relu", 0.5),
    ],
)
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_deviation_of_a_convolution(init, activation, expected, norm):
    defaults = f"norm: {norm}, init: {init}, activation: {activation}"
    found = deviation("conv: {channels: 128}, conv: {channels: 256}", defaults, "layers.1.conv.weight")
    assert found == pytest.approx(expected, rel=0.01)  # 294,912 values: 7 standard errors


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("kaiming", math.sqrt(2 / (32 * 9))),  # each filter sees the 32 channels of its group
        ("{kaiming: {mode: fan_out}}", math.sqrt(2 / (64 * 9))),  # each input feeds the 64 filters of its group
        ("xavier", math.sqrt(2 / ((32 + 64) * 9))),
    ],
)
def test_deviation_of_a_grouped_convolution(init, expected):
    layers = "conv: {channels: 128}, conv: {channels: 256, groups: 4}"
    assert deviation(layers, f"norm: none, init: {init}", "layers.1.conv.weight") == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("init", ["kaiming", "{kaiming: {mode: fan_out}}", "xavier"])
def test_deviation_of_a_depthwise_convolution(init):
    """One input and one output channel in each group, so both fans are the 9 taps of the kernel."""
    layers = "conv: {channels: 2048, kernel: 1}, conv: {channels: 2048, groups: 2048}"
    expected = math.sqrt((1 if init == "xavier" else 2) / 9)
    assert deviation(layers, f"norm: none, init: {init}", "layers.1.conv.weight") == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("init", "name", "expected"),
    [
        ("kaiming", "head.linear1.weight", math.sqrt(2 / 512)),
        ("kaiming", "head.linear.weight", math.sqrt(1 / 1024)),  # no ReLU behind the classifier
        ("xavier", "head.linear1.weight", math.sqrt(2 / (512 + 1024))),
        ("gaussian", "head.linear1.weight", 0.01),
    ],
)
def test_deviation_of_linear_layers(init, name, expected):
    head = "{flatten: {hidden: [1024]}}"
    found = deviation("conv: {channels: 8}", f"norm: none, init: {init}", name, head)
    assert found == pytest.approx(expected, rel=0.03)


def test_uniform_values_fill_their_interval():
    network = build(spec("conv: {channels: 128}, conv: {channels: 128}", "norm: none, init: xavier"))
    weight = weights(network)["layers.1.conv.weight"]
    bound = math.sqrt(3) * math.sqrt(2 / (256 * 9))
    assert 0.999 * bound < float(weight.abs().max()) <= bound
    assert float(weight.mean().abs()) < 0.01 * bound


def test_the_activation_counts_that_the_sum_of_a_residual_block_reaches():
    found = weights(build(spec("conv: {channels: 128}, basic: {channels: 128}", "norm: batch")))
    for name in ("layers.1.conv1.conv.weight", "layers.1.conv2.conv.weight"):
        assert float(found[name].std()) == pytest.approx(math.sqrt(2 / (128 * 9)), rel=0.02)


def test_biases_and_norms():
    network = build(spec("conv: {channels: 8, bias: true}, conv: {channels: 8}", "norm: batch"))
    for name, tensor in network.named_parameters():
        if name.endswith("norm.weight"):
            assert torch.equal(tensor, torch.ones_like(tensor))
        elif name.endswith("bias"):
            assert torch.equal(tensor, torch.zeros_like(tensor))


def test_the_same_seed_gives_the_same_bits_whatever_torch_has_drawn():
    torch.manual_seed(1)
    first = weights(build(spec(LAYERS)))
    torch.manual_seed(2)
    torch.rand(7)
    second, third = weights(build(spec(LAYERS))), weights(build(spec(LAYERS, seed=1)))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], third[name]) for name in first if name.endswith("weight"))
    fourth = weights(build(spec(LAYERS), seed=1))
    assert all(torch.equal(third[name], fourth[name]) for name in first)


def test_changing_a_layer_leaves_the_weights_of_the_others():
    first = weights(build(spec(LAYERS)))
    changed = LAYERS.replace("conv: {channels: 64, groups: 4}", "conv: {channels: 64, kernel: 5}")
    second = weights(build(spec(changed)))
    different = {
        name for name in first if first[name].shape != second[name].shape or not torch.equal(first[name], second[name])
    }
    assert different == {"layers.2.conv.weight"}


def test_no_two_tensors_share_a_stream():
    found = weights(build(spec("conv: {channels: 16, repeat: 4}", "norm: none, init: gaussian")))
    rows = [tensor.flatten()[:64] for name, tensor in found.items() if name.endswith("conv.weight")]
    assert len({tuple(row.tolist()) for row in rows}) == len(rows) == 4
