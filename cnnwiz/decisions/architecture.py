"""From a handful of answers to the layers of a network: sizes, stem, stages, end. `families` fills the stages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from cnnwiz.catalog.activation import NoActivation
from cnnwiz.catalog.choice import Part
from cnnwiz.catalog.convolution import Standard
from cnnwiz.catalog.dropout import AlphaDropout, GaussianDropout, SpatialDropout
from cnnwiz.catalog.layer import Channels, Layer, Order
from cnnwiz.catalog.layers import Act, Conv, Dropout, Norm, Pool
from cnnwiz.catalog.normalization import NoNorm
from cnnwiz.decisions.families import FAMILIES, Stage
from cnnwiz.decisions.parameters import parameters
from cnnwiz.decisions.question import ABOUT
from cnnwiz.graph import wire_model
from cnnwiz.spec.document import Defaults, Model

if TYPE_CHECKING:
    from cnnwiz.decisions.question import Background

LAST_MAP = 8
"""Stages go on halving the map until its side is at most this: 4 to 8 positions are left for the head to average."""
MOST_CHANNELS = 512
"""Widths double from stage to stage up to this one, as in VGG and ResNet (arXiv:1409.1556, arXiv:1512.03385)."""
NOISES = (Dropout, GaussianDropout, AlphaDropout, SpatialDropout)
Stem = Literal["small", "strided", "pooled"]


class Architecture(Part):
    """What the questions about the network's shape are answered with."""

    family: Literal[
        "plain", "basic", "bottleneck", "inverted_residual", "highway", "inception", "dense", "dense_inception", "fire"
    ] = Field(default="plain", description="what a stage is made of")
    stem: Stem = Field(default="small", description="what stands before the first stage")
    width: Channels = Field(default=64, description="channels of the first stage; they double from stage to stage")
    stages: int = Field(default=3, ge=1, le=8, description="stages; each but the first halves the map")
    depth: int = Field(default=2, ge=1, le=100, description="blocks, or convolutions, in each stage")
    dropout: Literal["none", "dropout", "gaussian_dropout", "alpha_dropout", "spatial_dropout"] = Field(
        default="none", description="noise behind the last stage while training"
    )
    dropout_rate: float = Field(default=0.2, ge=0, lt=1, description="how much of it")


def layers_of(architecture: Architecture, conv: str = "standard", order: Order = "conv-norm-act") -> tuple[Layer, ...]:
    """The layers from input to last map, for the convolution and the order that are the default of all layers."""
    stem = stem_layers(architecture, conv, order)
    layers = list(stem)
    for index in range(architecture.stages):
        stage = Stage(stage_width(architecture.width, index), architecture.width, architecture.depth, index == 0)
        layers += FAMILIES[architecture.family].layers(stage)
    if len(stem) == 1 and architecture.family == "plain" and architecture.stem == "small":
        layers = _with_stem_as_first(layers)
    return (*layers, *_end(architecture, order))


def stem_layers(architecture: Architecture, conv: str, order: Order) -> list[Layer]:
    """What stands before the first stage; a plain network needs nothing where its first layer is a usual one.

    The stem sees 1 or 3 channels, which neither groups nor depthwise filters suit, and pixels, which need no norm or
    activation in front: it is a standard convolution, in other orders without either.
    """
    usual = order.startswith("conv")
    if architecture.family == "plain" and architecture.stem == "small" and conv == "standard" and usual:
        return []
    size = {"small": {}, "strided": {"stride": 2}, "pooled": {"kernel": 7, "stride": 2}}[architecture.stem]
    kind = {} if conv == "standard" else {"kind": Standard()}
    bare = {} if usual else {"bias": False, "norm": NoNorm(), "activation": NoActivation()}
    layers: list[Layer] = [Conv(channels=architecture.width, **size, **kind, **bare)]
    return [*layers, Pool(kernel=3, stride=2)] if architecture.stem == "pooled" else layers


def stage_width(width: int, index: int) -> int:
    """Channels of a stage: doubling, but never beyond MOST_CHANNELS unless the first stage is wider already."""
    return min(width << index, max(width, MOST_CHANNELS))


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


def layers_in(answers: Mapping[str, Any]) -> tuple[Layer, ...]:
    """The layers that answers describe: those of the edited spec where no answer can, else made of the answers."""
    about: Background = answers[ABOUT]
    if about.base and "architecture.family" in about.kept:
        return about.base.model.layers
    conv, order = answers.get("model.defaults.conv", "standard"), answers.get("model.defaults.order", "conv-norm-act")
    return layers_of(Architecture(**parameters("architecture", answers)), conv, order)


@lru_cache(maxsize=64)
def common_divisor(layers: tuple[Layer, ...], side: int) -> int:
    """The largest number that divides the channels of every map behind the first layer: what groups must divide."""
    model = Model(defaults=Defaults(norm=NoNorm()), layers=layers)
    maps = [node.output for node in wire_model(model, (3, side, side), 2, "").nodes if len(node.output) == 3]
    return math.gcd(*(channels for channels, height, _ in maps if height > 1 or channels > 1)) if maps else 1


def _with_stem_as_first(layers: list[Layer]) -> list[Layer]:
    """A plain network whose first convolution is the stem: one fewer of the others in the first stage."""
    stem, first, *rest = layers
    return [stem, first.model_copy(update={"repeat": first.repeat - 1}), *rest] if first.repeat > 1 else [stem, *rest]


def _end(architecture: Architecture, order: Order) -> list[Layer]:
    """What the last stage leaves open: norm and activation in orders that begin with them, and dropout."""
    waiting = order.split("-")[: order.split("-").index("conv")]
    layers: list[Layer] = [Norm() if word == "norm" else Act() for word in waiting]
    return [*layers, *(noise(rate=architecture.dropout_rate) for noise in NOISES if noise.key == architecture.dropout)]
