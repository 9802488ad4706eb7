"""Input transforms: colour spaces against other libraries, polar maps against scipy and rotated images."""

from __future__ import annotations

import colorsys
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import map_coordinates
from torch import nn

from cnnwiz.graph import graph_of
from cnnwiz.nn.input import PolarSample, Recolor, centroid
from cnnwiz.nn.network import build
from cnnwiz.spec import Spec, parse_text


def spec_of(line: str, data: str = "{channels: 3, image_size: 16, normalize: none}") -> Spec:
    text = f"cnnwiz: 1\ndata: {data}\nmodel:\n  input: [{line}]\n  layers: [conv: {{channels: 4}}]\n"
    document = parse_text(text)
    assert document.spec, [finding.message for finding in document.findings]
    return document.spec


def pictures(count: int = 2, side: int = 16, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "line",
    [
        "color_transform",
        "color_transform: {hidden: 16, activation: maxout}",
        "color_space: {space: grayscale}",
        "color_space: {space: hsv}",
        "color_space: {space: ycbcr}",
        "polar",
        "log_polar: {size: [24, 10], radius: 0.5, centre: learned, overlap: 2}",
        "color_transform, color_space: {space: ycbcr}, polar: {centre: learned}",
    ],
)
def test_the_graph_says_what_is_built(line):
    spec = spec_of(line)
    graph, network = graph_of(spec), build(spec)
    assert graph.finding is None
    assert sum(p.numel() for p in network.parameters()) == graph.parameters
    shapes = []
    for _, module, _, _ in network.steps:
        module.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    network(pictures()).sum().backward()
    assert shapes == [node.output for node in graph.nodes]
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert graph.nodes[0].name.startswith("input.0.")
    assert any(node.name == "layers.0.conv" for node in graph.nodes)


def test_the_colour_transform_has_73_parameters_and_can_be_the_identity():
    network = build(spec_of("color_transform"))
    modules = [module for _, module, _, _ in network.steps[:4]]
    first, second = modules[0], modules[2]
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.Conv2d)
    assert sum(p.numel() for m in (first, second) for p in m.parameters()) == 73
    with torch.no_grad():
        first.weight.copy_(torch.eye(10, 3)[:, :, None, None])
        second.weight.copy_(torch.eye(3, 10)[:, :, None, None])
    x = pictures()
    transformed = x
    for module in modules:
        transformed = module(transformed)
    assert torch.equal(transformed, x)


def test_hsv_is_that_of_the_standard_library():
    x = pictures(1, 8)
    x[0, :, 0, 0], x[0, :, 0, 1], x[0, :, 0, 2] = 0.0, 1.0, 0.4  # black, white, grey
    found = Recolor("hsv")(x)[0].flatten(1).T
    expected = [colorsys.rgb_to_hsv(*pixel) for pixel in x[0].flatten(1).T.tolist()]
    assert (found - torch.tensor(expected)).abs().max() < 1e-6


@pytest.mark.parametrize(("space", "mode"), [("ycbcr", "YCbCr"), ("grayscale", "L")])
def test_luma_and_chroma_are_those_of_jpeg(space, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).convert(mode)).reshape(8, 8, -1)
    found = Recolor(space)(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0) * 255
    assert np.abs(found.numpy() - expected).max() < 1.1  # Pillow rounds, and its middle is 128 instead of 127.5


@pytest.mark.parametrize("logarithmic", [False, True])
def test_polar_maps_are_scipys(logarithmic):
    image = pictures(1, 15, 1).double()
    found = PolarSample((15, 15), (20, 9), 6.3, logarithmic, 0)(image)[0, 0]
    angle = 2 * math.pi * np.arange(20) / 20
    share = np.arange(9) / 8
    distance = 6.3**share if logarithmic else 6.3 * share
    places = np.stack((7 + np.outer(np.sin(angle), distance), 7 + np.outer(np.cos(angle), distance)))
    expected = map_coordinates(image[0, 0].numpy(), places, order=1, mode="grid-constant")
    assert np.abs(found.numpy() - expected).max() < 1e-6


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_quarter_turn_is_a_shift_by_a_quarter_of_the_rows(logarithmic):
    image = pictures(2, 16).double()
    sample = PolarSample((16, 16), (32, 12), 7.5, logarithmic, 0)
    turned = sample(image.rot90(1, (3, 2)))  # from the x axis to the y axis: clockwise as one looks at it
    assert (turned - sample(image).roll(8, 2)).abs().max() < 1e-6


def blobs(side: int, turn: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    """Smooth blobs in a square, turned by radians and enlarged about its middle."""
    place = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    y, x = torch.meshgrid(place, place, indexing="ij")
    image = torch.zeros(side, side, dtype=torch.float64)
    for radius, angle, width in ((8.0, 0.3, 3.0), (14.0, 2.1, 4.0), (11.0, 4.0, 3.0)):
        cx, cy = scale * radius * math.cos(angle + turn), scale * radius * math.sin(angle + turn)
        image += torch.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * (width * scale) ** 2))
    return image[None, None]


def test_rotation_shifts_rows_and_scale_shifts_columns_of_smooth_images():
    linear = PolarSample((64, 64), (128, 40), 31.5, False, 0)
    turned = linear(blobs(64, 2 * math.pi * 17 / 128))
    assert (turned - linear(blobs(64)).roll(17, 2)).abs().max() < 0.02
    log = PolarSample((64, 64), (64, 40), 31.5, True, 0)
    larger = log(blobs(64, scale=31.5 ** (3 / 39)))
    assert (larger[..., 3:] - log(blobs(64))[..., :-3]).abs().max() < 0.02
    assert linear(torch.ones(1, 1, 64, 64)).sub(1).abs().max() < 1e-5


def test_overlap_repeats_the_rows_of_the_other_end():
    image = pictures(1)
    plain = PolarSample((16, 16), (12, 8), 7.0, False, 0)(image)
    wrapped = PolarSample((16, 16), (12, 8), 7.0, False, 3)(image)
    assert (wrapped - torch.nn.functional.pad(plain, (0, 0, 3, 3), mode="circular")).abs().max() < 1e-5


def test_the_learned_origin_is_the_centroid_and_has_a_gradient():
    heat = torch.full((2, 1, 5, 9), -30.0)
    heat[0, 0, 1, 6] = heat[1, 0, 4, 0] = 30.0
    assert torch.allclose(centroid(heat), torch.tensor([[0.5, -0.5], [-1.0, 1.0]]), atol=1e-6)
    sample = PolarSample((6, 6), (5, 4), 1.7, False, 0)
    heat = torch.randn(1, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    image = pictures(1, 6, 1).double().requires_grad_()
    assert torch.autograd.gradcheck(sample, (image, heat))


@pytest.mark.parametrize(
    ("line", "data", "words"),
    [
        ("color_space: {space: hsv}", "{channels: 1}", "not of 1 channels"),
        ("polar", "{image_size: 1}", "no circle"),
        ("log_polar: {radius: 0.1}", "{image_size: 8}", "no circle"),
        ("polar: {overlap: 9}", "{image_size: 8}", "overlap 9"),
    ],
)
def test_impossible_inputs_are_named(line, data, words):
    finding = graph_of(spec_of(line, data)).finding
    assert finding is not None
    assert words in finding.message
    assert finding.path[:3] == ("model", "input", 0)


def test_the_template_for_rotated_digits_does_not_see_quarter_turns():
    document = parse_text((Path(__file__).parents[1] / "templates/rotated_digits.yaml").read_text(encoding="utf-8"))
    assert document.spec
    network = build(document.spec).eval()
    image = pictures(2, 28, 1)
    scores = network(image)
    assert (network(image.rot90(1, (3, 2))) - scores).abs().max() < 1e-5
    assert (network(image.flip(3)) - scores).abs().max() > 1e-3  # it is not blind
