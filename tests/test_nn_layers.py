"""Modules that torch lacks, against loops over positions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import unhurried
from torch import Tensor
from torch.nn import functional as F

from cnnwiz.graph import wire_model
from cnnwiz.nn.layers import Add, Concat, GlobalAverage, PadChannels
from cnnwiz.nn.network import Network, build_graph
from cnnwiz.spec import parse_text


def network(layers: str, shape: tuple[int, int, int]) -> Network:
    """The layers with a head, in evaluation mode."""
    document = parse_text(f"cnnwiz: 1\nmodel:\n  defaults: {{norm: none}}\n  layers: [{layers}]\n")
    assert document.spec is not None, document.findings
    graph = wire_model(document.spec.model, shape, 2, "test")
    assert graph.finding is None, graph.finding
    return build_graph(graph, seed=0).eval()


def trunk(layers: str, images: Tensor) -> Tensor:
    """The last map of the network for these images."""
    made = network(layers, (images.shape[1], images.shape[2], images.shape[3]))
    values = {-1: images}
    with torch.no_grad():
        for index, module, inputs, _ in made.steps[: made.graph.trunk + 1]:
            values[index] = module(*(values[source] for source in inputs))
    return values[made.graph.trunk]


def pooled(image: Tensor, kernel: int, stride: int, padding: int, ceil: bool) -> Tensor:
    """Max plus average pooling of (H, W) by loops: padding is no part of a maximum and counts as zeros in a mean."""
    height, width = image.shape
    rows, columns = (positions(size, kernel, stride, padding, ceil) for size in (height, width))
    out = torch.zeros(len(rows), len(columns))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            inside = [
                float(image[y, x])
                for y in range(max(top, 0), min(top + kernel, height))
                for x in range(max(left, 0), min(left + kernel, width))
            ]
            # A window may reach beyond the padding (with ceil); what lies there is not counted.
            area = math.prod(
                min(start + kernel, size + padding) - start for start, size in ((top, height), (left, width))
            )
            out[i, j] = max(inside) + sum(inside) / area
    return out


def positions(size: int, kernel: int, stride: int, padding: int, ceil: bool) -> list[int]:
    """Where windows begin along one axis; with `ceil` a last one takes what is left, if it begins inside."""
    starts = [start for start in range(-padding, size + padding, stride) if start + kernel <= size + padding]
    left_over = starts[-1] + kernel < size + padding
    return [*starts, starts[-1] + stride] if ceil and left_over and starts[-1] + stride < size else starts


@settings(unhurried, max_examples=30)
@given(
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    ceil=st.booleans(),
    seed=st.integers(0, 99),
)
def test_sum_of_max_and_average_pooling(size, kernel, stride, padding, ceil, seed):
    padding = min(padding, kernel // 2)
    images = torch.randn(1, 2, *size, generator=torch.Generator().manual_seed(seed))
    window = f"kernel: {kernel}, stride: {stride}, padding: {padding}, ceil: {str(ceil).lower()}"
    layer = f"pool: {{{window}, kind: max_plus_avg}}"
    expected = torch.stack([pooled(channel, kernel, stride, padding, ceil) for channel in images[0]])
    torch.testing.assert_close(trunk(layer, images)[0], expected)


@unhurried
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)),
    extra=st.integers(0, 3),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_padded_shortcut_is_option_a(shape, extra, stride):
    images = torch.randn(*shape)
    out = PadChannels(extra, stride)(images)
    _, channels, height, width = shape
    assert out.shape == (shape[0], channels + extra, math.ceil(height / stride[0]), math.ceil(width / stride[1]))
    for y in range(out.shape[2]):
        for x in range(out.shape[3]):
            assert torch.equal(out[:, :channels, y, x], images[:, :, y * stride[0], x * stride[1]])
    assert not out[:, channels:].any()


@pytest.mark.parametrize(
    "padding", ["[0, 2, 1, 0]", "[1, 0, 0, 0]", "[2, 2, 0, 1]", "[1, 1, 1, 1]", "[3, 0]", "2", "same", "valid"]
)
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_of_each_side(padding, stride):
    images = torch.randn(2, 3, 7, 8)
    sides = {"same": (1, 1, 1, 1), "valid": (0, 0, 0, 0), "2": (2, 2, 2, 2), "[3, 0]": (3, 3, 0, 0)}.get(padding)
    top, bottom, left, right = sides or (int(number) for number in padding[1:-1].split(", "))
    layer = f"conv: {{channels: 4, stride: {stride}, padding: {padding}, activation: none}}"
    weight = network(layer, (3, 7, 8)).get_parameter("layers.0.conv.weight")
    padded = torch.zeros(2, 3, 7 + top + bottom, 8 + left + right)
    padded[:, :, top : top + 7, left : left + 8] = images
    expected = torch.zeros(2, 4, (padded.shape[2] - 3) // stride + 1, (padded.shape[3] - 3) // stride + 1)
    for y in range(expected.shape[2]):
        for x in range(expected.shape[3]):
            window = padded[:, None, :, y * stride : y * stride + 3, x * stride : x * stride + 3]
            expected[:, :, y, x] = (window * weight).sum(dim=(2, 3, 4)).detach()
    torch.testing.assert_close(trunk(layer, images), expected, rtol=1e-4, atol=1e-5)


def test_even_kernels_lose_a_row_and_a_column_with_same_padding():
    images = torch.randn(1, 1, 6, 6)
    layer = "conv: {channels: 2, kernel: 4, activation: none}"
    weight = network(layer, (1, 6, 6)).get_parameter("layers.0.conv.weight")
    expected = F.conv2d(images, weight.detach(), padding=1)
    assert expected.shape == (1, 2, 5, 5)
    torch.testing.assert_close(trunk(layer, images), expected)


def test_strided_convolution_is_a_convolution_norm_and_activation():
    made = network("pool: {kernel: 2, stride: 2, kind: strided_conv}", (3, 7, 7))
    assert [node.kind for node in made.graph.nodes[:2]] == ["conv", "relu"]
    assert made.graph.nodes[0].output == (3, 3, 3)  # the seventh row and column are dropped


def test_sums_stacks_and_means():
    a, b, c = torch.randn(3, 2, 4, 5, 5).unbind(0)
    assert torch.equal(Add()(a, b, c), a + b + c)
    stacked = Concat()(a, b)
    assert torch.equal(stacked[:, :4], a)
    assert torch.equal(stacked[:, 4:], b)
    expected = sum(a[:, :, y, x] for y in range(5) for x in range(5)) / 25
    torch.testing.assert_close(GlobalAverage()(a), expected)


def test_paths_of_branches_are_merged_in_their_order():
    images = torch.randn(1, 2, 4, 4)
    out = trunk("branches: {paths: [[], [pool: {kernel: 3, kind: average}]]}", images)
    assert torch.equal(out[:, :2], images)
    torch.testing.assert_close(out[:, 2:], F.avg_pool2d(images, 3, 1, 1))
    summed = trunk("branches: {merge: add, paths: [[], [], []]}", images)
    torch.testing.assert_close(summed, 3 * images)
