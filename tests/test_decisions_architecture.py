"""Networks made from a few answers: published parameter counts, sizes of maps, every family possible everywhere."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnwiz.catalog.source import Digits
from cnnwiz.decisions.architecture import (
    FAMILIES,
    LAST_MAP,
    Architecture,
    layers_of,
    most_stages,
    side_after,
    stage_width,
    stages_for,
    stem_for,
)
from cnnwiz.graph import Graph, graph_of
from cnnwiz.spec import Spec
from cnnwiz.spec.document import Data, Model


def network(architecture: Architecture, side: int, channels: int = 3, classes: int = 10) -> Graph:
    data = Data(source=Digits(), image_size=side, channels=channels, classes=classes)  # type: ignore[arg-type]
    return graph_of(Spec(cnnwiz=1, data=data, model=Model(layers=layers_of(architecture))))


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


def test_branches_keep_the_width():
    graph = network(Architecture(family="branches", width=64, stages=3, depth=2), 32)
    concatenated = [node.output for node in graph.nodes if node.kind == "concat"]
    assert concatenated == [(64, 32, 32)] * 2 + [(128, 16, 16)] * 2 + [(256, 8, 8)] * 2


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
    st.data(),
)
def test_every_architecture_is_possible(family, stem, side, width, depth, data):
    stages = data.draw(st.integers(1, min(most_stages(side_after(stem, side)), 8)))
    architecture = Architecture(family=family, stem=stem, width=width, stages=stages, depth=depth)
    assert network(architecture, side).finding is None
