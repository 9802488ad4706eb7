"""Networks made from a few answers: published parameter counts, sizes of maps, every family possible everywhere."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnwiz.catalog.convolution import Grouped
from cnnwiz.catalog.layer import Order
from cnnwiz.catalog.source import Digits
from cnnwiz.decisions.architecture import (
    LAST_MAP,
    NOISES,
    Architecture,
    common_divisor,
    layers_of,
    most_stages,
    side_after,
    stage_width,
    stages_for,
    stem_for,
)
from cnnwiz.decisions.families import FAMILIES
from cnnwiz.graph import Graph, graph_of
from cnnwiz.spec import Spec
from cnnwiz.spec.document import Data, Defaults, Model


def network(
    architecture: Architecture, side: int, channels: int = 3, classes: int = 10, order: Order = "conv-norm-act"
) -> Graph:
    data = Data(source=Digits(), image_size=side, channels=channels, classes=classes)  # type: ignore[arg-type]
    model = Model(defaults=Defaults(order=order), layers=layers_of(architecture, order=order))
    return graph_of(Spec(cnnwiz=1, data=data, model=model))


def sides(graph: Graph) -> list[int]:
    maps = [node.output for node in graph.nodes if len(node.output) == 3]
    return list(dict.fromkeys(shape[1] for shape in maps))


@pytest.mark.parametrize(
    ("family", "parameters"),
    [("basic", 11_689_512), ("bottleneck", 15_995_176)],  # ResNet-18 and ResNet-26 as torchvision and timm count them
)
def test_published_networks(family, parameters):
    architecture = Architecture(family=family, stem="pooled", width=64, stages=4, depth=2)
    assert network(architecture, 224, classes=1000).parameters == parameters


def test_plain_by_hand():
    graph = network(Architecture(family="plain", width=32, stages=2, depth=2), 8, channels=1)
    convolutions = 9 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    norms = 2 * (32 + 32 + 64 + 64)
    assert graph.parameters == convolutions + norms + 64 * 10 + 10
    assert sides(graph) == [8, 4, 1] or sides(graph) == [8, 4]


@pytest.mark.parametrize("family", ["inception", "fire"])
def test_parallel_paths_keep_the_width(family):
    graph = network(Architecture(family=family, width=64, stages=3, depth=2), 32)
    concatenated = [node.output for node in graph.nodes if node.kind == "concat"]
    assert concatenated == [(64, 32, 32)] * 2 + [(128, 16, 16)] * 2 + [(256, 8, 8)] * 2


def test_dense_channels_grow_and_are_halved():
    graph = network(Architecture(family="dense", width=24, stages=3, depth=16), 32, order="norm-act-conv")
    assert graph.parameters == 769_162  # DenseNet-BC-100 with growth 12 (arXiv:1608.06993, table 2: 0.8 M)


def test_preactivated_networks_end_with_norm_and_activation():
    graph = network(Architecture(family="basic", stem="pooled", stages=4), 224, classes=1000, order="norm-act-conv")
    assert graph.parameters == 11_687_720  # timm's resnetv2_18
    assert [node.kind for node in graph.nodes[-4:]] == ["batch", "relu", "global_average", "linear"]


@pytest.mark.parametrize("family", FAMILIES)
def test_grouped_convolutions_get_groups_that_divide(family):
    architecture = Architecture(family=family, width=48, stages=2)
    groups = max(n for n in (1, 2, 3, 4) if common_divisor(layers_of(architecture), 16) % n == 0)
    defaults = Defaults(conv=Grouped(groups=groups))
    data = Data(source=Digits(), image_size=16, channels=1)
    model = Model(defaults=defaults, layers=layers_of(architecture, "grouped"))
    assert graph_of(Spec(cnnwiz=1, data=data, model=model)).finding is None


def test_noise_stands_at_the_end():
    for noise in NOISES:
        architecture = Architecture(dropout=noise.key, dropout_rate=0.3)  # type: ignore[arg-type]
        assert layers_of(architecture)[-1] == noise(rate=0.3)


@pytest.mark.parametrize("side", range(8, 513))
def test_last_maps_have_4_to_8_positions_a_side(side):
    stem = stem_for(side)
    first = side_after(stem, side)
    last = -(-first // 2 ** (stages_for(first) - 1))
    assert 4 <= last <= LAST_MAP
    assert first >= 28 or stem == "small"


@pytest.mark.parametrize(
    ("side", "stages", "maps"), [(8, 2, 4), (28, 3, 7), (32, 3, 8), (64, 4, 8), (7, 1, 7), (1, 1, 1)]
)
def test_stages(side, stages, maps):
    assert stages_for(side) == stages
    assert -(-side // 2 ** (stages - 1)) == maps


def test_widths_double_up_to_512():
    assert [stage_width(64, index) for index in range(6)] == [64, 128, 256, 512, 512, 512]
    assert [stage_width(600, index) for index in range(3)] == [600, 600, 600]


def test_families_are_those_that_can_be_answered():
    assert tuple(FAMILIES) == get_args(Architecture.model_fields["family"].annotation)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(FAMILIES)),
    st.sampled_from(["small", "strided", "pooled"]),
    st.integers(1, 80),
    st.integers(1, 20),
    st.integers(1, 3),
    st.sampled_from(["conv-norm-act", "norm-act-conv", "act-conv-norm"]),
    st.data(),
)
def test_every_architecture_is_possible(family, stem, side, width, depth, order, data):
    stages = data.draw(st.integers(1, min(most_stages(side_after(stem, side)), 8)))
    architecture = Architecture(family=family, stem=stem, width=width, stages=stages, depth=depth)
    assert network(architecture, side, order=order).finding is None
