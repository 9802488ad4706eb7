"""From a handful of answers to the layers of a network: pure functions, one for each family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from pydantic import Field

from cnnwiz.catalog.blocks import Basic, Bottleneck
from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.catalog.layer import Channels, Layer
from cnnwiz.catalog.layers import Pool
from cnnwiz.catalog.structure import Branches
from cnnwiz.catalog.unit import Conv

LAST_MAP = 8
"""Stages go on halving the map until its side is at most this: 4 to 8 positions are left for the head to average."""
MOST_CHANNELS = 512
"""Widths double from stage to stage up to this one, as in VGG and ResNet (arXiv:1409.1556, arXiv:1512.03385)."""
Stem = Literal["small", "strided", "pooled"]


class Architecture(Part):
    """What the questions about the network's shape are answered with; `layers_of` makes the layers."""

    family: Literal["plain", "basic", "bottleneck", "branches"] = Field("plain", description="what a stage is made of")
    stem: Stem = Field("small", description="what stands before the first stage")
    width: Channels = Field(64, description="channels of the first stage; they double from stage to stage, up to 512")
    stages: int = Field(3, ge=1, le=8, description="stages; each but the first halves the map")
    depth: int = Field(2, ge=1, le=100, description="blocks, or convolutions, in each stage")


class Family(NamedTuple):
    """A way to fill a stage: the class whose card explains it, and stage(channels, depth, first) -> layers."""

    explained_by: type[Choice]
    stage: Callable[[int, int, bool], list[Layer]]


def layers_of(architecture: Architecture) -> tuple[Layer, ...]:
    """The layers from input to last map."""
    layers = stem_layers(architecture.stem, architecture.width, architecture.family)
    for index in range(architecture.stages):
        channels = stage_width(architecture.width, index)
        layers += FAMILIES[architecture.family].stage(channels, architecture.depth, index == 0)
    return tuple(layers)


def stage_width(width: int, index: int) -> int:
    """Channels of a stage: doubling, but never beyond MOST_CHANNELS unless the first stage is wider already."""
    return min(width << index, max(width, MOST_CHANNELS))


def stem_layers(stem: Stem, width: int, family: str) -> list[Layer]:
    """The layers before the first stage; a plain network without stride needs none."""
    if stem == "pooled":
        return [Conv(channels=width, kernel=7, stride=2), Pool(kernel=3, stride=2)]
    if stem == "strided":
        return [Conv(channels=width, stride=2)]
    return [] if family == "plain" else [Conv(channels=width)]


def stem_for(side: int) -> Stem:
    """3x3 without stride up to 63 px, with stride up to 127, 7x7 with pooling from 128: first maps of 28 px and more.

    On CaffeNet a first map of 22 px instead of 30 lost 5.7 points, one of 14 px 16.2 (arXiv:1606.02228).
    """
    return "small" if side < 64 else "strided" if side < 128 else "pooled"


def side_after(stem: Stem, side: int) -> int:
    """Side of the map behind a stem."""
    reduction = {"small": 1, "strided": 2, "pooled": 4}[stem]
    return -(-side // reduction)


def stages_for(side: int) -> int:
    """Stages that take a map of this side, behind the stem, to LAST_MAP or less; two where there is room to halve."""
    stages = 1
    while side > LAST_MAP or (stages == 1 and side >= LAST_MAP):
        side, stages = -(-side // 2), stages + 1
    return stages


def most_stages(side: int) -> int:
    """Stages after which the last map is one pixel: more cannot halve it."""
    return max(side, 1).bit_length()


def _plain(channels: int, depth: int, first: bool) -> list[Layer]:
    pool: list[Layer] = [] if first else [Pool(kernel=2, stride=2)]
    return [*pool, Conv(channels=channels, repeat=depth)]


def _basic(channels: int, depth: int, first: bool) -> list[Layer]:
    return _blocks(Basic(channels=channels, stride=1 if first else 2), depth)


def _bottleneck(channels: int, depth: int, first: bool) -> list[Layer]:
    return _blocks(Bottleneck(channels=4 * channels, width=channels, stride=1 if first else 2), depth)


def _branches(channels: int, depth: int, first: bool) -> list[Layer]:
    """Inception modules in the manner of GoogLeNet, its 5x5 path as two 3x3: four paths of a quarter each."""
    quarter = max(channels // 4, 1)
    narrow = Conv(channels=max(quarter // 2, 1), kernel=1)
    wide = Conv(channels=quarter)
    module = Branches(
        paths=(
            (Conv(channels=quarter, kernel=1),),
            (narrow, wide),
            (narrow, wide, wide),
            (Pool(kernel=3), Conv(channels=quarter, kernel=1)),
        )
    )
    pool: list[Layer] = [] if first else [Pool(kernel=2, stride=2)]
    return [*pool, *_blocks(module, depth)]


def _blocks(block: Layer, depth: int) -> list[Layer]:
    return [block.model_copy(update={"repeat": depth})]


FAMILIES: dict[str, Family] = {
    "plain": Family(Conv, _plain),
    "basic": Family(Basic, _basic),
    "bottleneck": Family(Bottleneck, _bottleneck),
    "branches": Family(Branches, _branches),
}
