"""Questions about the shape of the network: what its stages are made of, how many, how wide, and what is around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.dropout import StochasticDepth
from cnnwiz.catalog.input import ColorSpace, ColorTransform
from cnnwiz.decisions.architecture import NOISES, Architecture, most_stages, side_after, stages_for, stem_for
from cnnwiz.decisions.data import channels_of, images_of, side_of
from cnnwiz.decisions.families import FAMILIES
from cnnwiz.decisions.parameters import field_question, option, section_questions
from cnnwiz.decisions.question import Advice, Option, Question
from cnnwiz.spec.document import Model

RESIDUAL = ("basic", "bottleneck", "inverted_residual")
DENSE = ("dense", "dense_inception")
FEW_IMAGES = 2_000
"""Training images below which a network half as wide is recommended."""
STEMS = {
    "small": "3x3 without stride: keeps every position",
    "strided": "3x3 with stride 2: a quarter of the positions, a quarter of the work",
    "pooled": "7x7 with stride 2, then pooling: a sixteenth of the positions, as in ResNet-50",
}


def _families(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    return tuple(option(family.explained_by, family.line)._replace(value=name) for name, family in FAMILIES.items())


def _family(answers: Mapping[str, Any]) -> Advice:
    if side_of(answers) < 24:
        return Advice("plain", f"{side_of(answers)} px leave room for few layers")
    return Advice("basic", "shortcuts: +5.5 points on a VGG-like network", ("vgglike_res",))


def _stems(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    return tuple(Option(name, line, _too_coarse(name, side_of(answers))) for name, line in STEMS.items())


def _too_coarse(stem: Any, side: int) -> str | None:
    left = side_after(stem, side)
    return f"{side} px become {left} before the first stage" if stem != "small" and left < 14 else None


def _stem(answers: Mapping[str, Any]) -> Advice:
    stem = stem_for(side_of(answers))
    return Advice(stem, f"a first map of {side_after(stem, side_of(answers))} px")


def _stages(answers: Mapping[str, Any]) -> Advice:
    side = side_after(answers["architecture.stem"], side_of(answers))
    stages = stages_for(side)
    return Advice(stages, f"{side} px are halved to {-(-side // 2 ** (stages - 1))} before the head")


def _too_many_stages(value: Any, answers: Mapping[str, Any]) -> str | None:
    most = min(most_stages(side_after(answers["architecture.stem"], side_of(answers))), 8)
    if isinstance(value, int) and 1 <= value <= most:
        return None
    return f"{value} is not allowed; it takes a whole number from 1 to {most}: more would halve a map of one pixel"


def _without_colour(cls: type[Choice], answers: Mapping[str, Any]) -> str | None:
    """Colour is for images that have some."""
    return "the images are grey" if cls in (ColorTransform, ColorSpace) and channels_of(answers) == 1 else None


def _input(answers: Mapping[str, Any]) -> Advice:
    plain = answers.get("architecture.family") == "plain" and answers["architecture.stem"] != "small"
    if plain and channels_of(answers) == 3:
        return Advice((ColorTransform.key,), "+1.4 points on CaffeNet", ("col_learn_10_3_vlrelu",))
    return Advice((), "learned colours: only +0.4 points on GoogLeNet", ("gln_res_color",))


def _width(answers: Mapping[str, Any]) -> Advice:
    if side_of(answers) <= 32 and channels_of(answers) == 1:
        return Advice(32, "enough for small grey images")
    images = images_of(answers)
    if images is not None and images < FEW_IMAGES:
        return Advice(32, f"{images:,} images fill no more; a quarter of the work of 64")
    return Advice(64, "as in ResNet; half of it is a quarter of the work")


def _depth(answers: Mapping[str, Any]) -> Advice:
    if answers["architecture.family"] in DENSE:
        return Advice(6, "each layer adds little; DenseNet-121 has 6 to 24")
    return Advice(2, "two, as in ResNet-18")


def _noises(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    return (Option("none", "no noise; the head may have dropout of its own"), *(option(cls) for cls in NOISES))


def _has_noise(answers: Mapping[str, Any]) -> bool:
    return answers["architecture.dropout"] != "none"


def is_residual(answers: Mapping[str, Any]) -> bool:
    return answers.get("architecture.family", "basic") in RESIDUAL


def _rate_problem(value: Any, answers: Mapping[str, Any]) -> str | None:
    return None if value is None else _DEPTH_RATE.validate(value, answers)


_DEPTH_RATE = field_question(
    StochasticDepth,
    "rate",
    "model.defaults.stochastic_depth.rate",
    "regularization",
    "Leave out residual bodies at random: rate at the last",
    lambda answers: Advice(None, "for networks of 50 layers and more"),
    when=is_residual,
)


def _architecture(name: str, prompt: str, recommend: Any, **more: Any) -> Question:
    return field_question(Architecture, name, f"architecture.{name}", "architecture", prompt, recommend, **more)


QUESTIONS: tuple[Question, ...] = (
    replace(_architecture("family", "What is a stage made of?", _family, level="guided"), choices=_families),
    replace(_architecture("stem", "What stands in front?", _stem), choices=_stems),
    replace(_architecture("stages", "Stages, each but the first halving the map", _stages), validate=_too_many_stages),
    *section_questions(
        Model,
        "input",
        "model.input",
        "input and augmentation",
        "What is done to the image?",
        _input,
        refuse=_without_colour,
    ),
    _architecture("width", "Channels of the first stage", _width, level="guided"),
    _architecture("depth", "Blocks or convolutions in each stage", _depth, level="guided"),
    replace(
        field_question(Architecture, "dropout", "architecture.dropout", "regularization", "Noise at the end?"),
        choices=_noises,
    ),
    field_question(
        Architecture,
        "dropout_rate",
        "architecture.dropout_rate",
        "regularization",
        "Rate of that noise",
        when=_has_noise,
    ),
    replace(
        _DEPTH_RATE,
        optional=True,
        validate=_rate_problem,
    ),
)
