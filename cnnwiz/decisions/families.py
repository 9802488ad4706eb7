"""What fills a stage of a network: one small function for each family."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cnnwiz.catalog.blocks import Basic, Bottleneck, Fire, Highway, Inception, InvertedResidual
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.dense import Dense, Transition
from cnnwiz.catalog.layer import Layer
from cnnwiz.catalog.layers import Conv, Pool
from cnnwiz.catalog.structure import Branches


class Stage(NamedTuple):
    """What a family is asked for."""

    channels: int  # of this stage
    width: int  # of the first stage
    depth: int
    first: bool  # later stages halve the map


class Family(NamedTuple):
    """A way to fill a stage, and the class whose card explains it."""

    explained_by: type[Choice]
    layers: Callable[[Stage], list[Layer]]
    line: str


def _plain(stage: Stage) -> list[Layer]:
    return [*_pool(stage), Conv(channels=stage.channels, repeat=stage.depth)]


def _basic(stage: Stage) -> list[Layer]:
    return [Basic(channels=stage.channels, stride=_stride(stage), repeat=stage.depth)]


def _bottleneck(stage: Stage) -> list[Layer]:
    channels = 4 * stage.channels
    return [Bottleneck(channels=channels, width=stage.channels, stride=_stride(stage), repeat=stage.depth)]


def _inverted_residual(stage: Stage) -> list[Layer]:
    return [InvertedResidual(channels=stage.channels, stride=_stride(stage), repeat=stage.depth)]


def _highway(stage: Stage) -> list[Layer]:
    """A highway layer keeps channels and size, so a strided convolution changes both in front of later stages."""
    change: list[Layer] = [] if stage.first else [Conv(channels=stage.channels, stride=2)]
    return [*change, Highway(repeat=stage.depth)]


def _inception(stage: Stage) -> list[Layer]:
    """Four paths of a quarter of the channels each."""
    quarter = max(stage.channels // 4, 1)
    narrow = max(quarter // 2, 1)
    module = Inception(
        conv1=quarter, conv3=(narrow, quarter), conv5=(narrow, quarter), pool=quarter, repeat=stage.depth
    )
    return [*_pool(stage), module]


def _dense(stage: Stage) -> list[Layer]:
    """Half of the first stage's channels are the growth in every stage, as in DenseNet."""
    return [*_transition(stage), Dense(growth=max(stage.width // 2, 1), repeat=stage.depth)]


def _dense_inception(stage: Stage) -> list[Layer]:
    """Dense layers whose new channels come from two paths, of one and of two 3x3 convolutions (PeleeNet)."""
    half = max(stage.width // 4, 1)
    narrow, wide = Conv(channels=2 * half, kernel=1), Conv(channels=half)
    paths = Branches(paths=((narrow, wide), (narrow, wide, wide)))
    return [*_transition(stage), Dense(layers=(paths,), repeat=stage.depth)]


def _fire(stage: Stage) -> list[Layer]:
    half = max(stage.channels // 2, 1)
    return [*_pool(stage), Fire(squeeze=max(stage.channels // 8, 1), expand=half, repeat=stage.depth)]


def _stride(stage: Stage) -> int:
    return 1 if stage.first else 2


def _pool(stage: Stage) -> list[Layer]:
    return [] if stage.first else [Pool(kernel=2, stride=2)]


def _transition(stage: Stage) -> list[Layer]:
    return [] if stage.first else [Transition()]


FAMILIES: dict[str, Family] = {
    "plain": Family(Conv, _plain, "convolutions one after the other, pooling between stages (VGG)"),
    "basic": Family(Basic, _basic, "residual blocks of two 3x3 convolutions (ResNet-18)"),
    "bottleneck": Family(Bottleneck, _bottleneck, "residual blocks of 1x1, 3x3, 1x1, four times as wide (ResNet-50)"),
    "inverted_residual": Family(InvertedResidual, _inverted_residual, "depthwise middle, narrow ends (MobileNetV2)"),
    "highway": Family(Highway, _highway, "layers that a gate mixes with their input"),
    "inception": Family(Inception, _inception, "1x1, 3x3, 5x5 and pooling side by side (GoogLeNet)"),
    "dense": Family(Dense, _dense, "every layer sees all before it (DenseNet)"),
    "dense_inception": Family(Dense, _dense_inception, "Inception and DenseNet combined (PeleeNet)"),
    "fire": Family(Fire, _fire, "few 1x1, then 1x1 and 3x3 side by side (SqueezeNet)"),
}
