"""Questions about the network: what its stages are made of, and what stands in every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnnwiz.decisions.architecture import FAMILIES, Architecture, most_stages, side_after, stages_for, stem_for
from cnnwiz.decisions.data import side_of
from cnnwiz.decisions.parameters import card, field_question, first_sentence, section_questions
from cnnwiz.decisions.question import Advice, Option, Question
from cnnwiz.spec.document import Defaults, Model

STEMS = {
    "small": "3x3 without stride: keeps every position",
    "strided": "3x3 with stride 2: a quarter of the positions, a quarter of the work",
    "pooled": "7x7 with stride 2, then pooling: a sixteenth of the positions, as in ResNet-50",
}
ORDERS = {
    "conv-norm-act": "the usual order",
    "conv-act-norm": "norm behind the activation: 2.5 points better than before it on CaffeNet, worse on GoogLeNet",
    "norm-act-conv": "pre-activation, for very deep residual networks",
    "act-conv-norm": "activation first, as in separable convolutions",
}


def _families(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    cards = {name: family.explained_by for name, family in FAMILIES.items()}
    return tuple(Option(name, first_sentence(cls.card()["what"]), None, card(cls)) for name, cls in cards.items())


def _family(answers: Mapping[str, Any]) -> Advice:
    if side_of(answers) < 24:
        return Advice("plain", f"{side_of(answers)} px leave room for few layers, where shortcuts bring nothing")
    return Advice("basic", "shortcuts: +3 points on a VGG-like network, and depth stays trainable")


def _stems(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    return tuple(Option(name, line, _too_coarse(name, side_of(answers))) for name, line in STEMS.items())


def _too_coarse(stem: Any, side: int) -> str | None:
    left = side_after(stem, side)
    return f"{side} px become {left} before the first stage" if stem != "small" and left < 14 else None


def _stem(answers: Mapping[str, Any]) -> Advice:
    stem = stem_for(side_of(answers))
    return Advice(
        stem, f"leaves a first map of {side_after(stem, side_of(answers))} px; 22 instead of 30 cost 5.7 points"
    )


def _stages(answers: Mapping[str, Any]) -> Advice:
    side = side_after(answers["architecture.stem"], side_of(answers))
    stages = stages_for(side)
    return Advice(stages, f"{side} px are halved to {-(-side // 2 ** (stages - 1))} before the head")


def _too_many_stages(value: Any, answers: Mapping[str, Any]) -> str | None:
    most = min(most_stages(side_after(answers["architecture.stem"], side_of(answers))), 8)
    if isinstance(value, int) and 1 <= value <= most:
        return None
    return f"{value} is not allowed; it takes a whole number from 1 to {most}: more would halve a map of one pixel"


def _width(answers: Mapping[str, Any]) -> Advice:
    if side_of(answers) < 24:
        return Advice(48, "enough for small images: about 150,000 parameters")
    return Advice(64, "as in ResNet; twice the width gained 6 points on CaffeNet at 4 times the work")


def _depth(answers: Mapping[str, Any]) -> Advice:
    return Advice(2, "two in each stage, as in VGG-11 and ResNet-18")


def _norm(answers: Mapping[str, Any]) -> Advice:
    return Advice("batch", "+2.8 points on CaffeNet, and the learning rate can be 10 times larger")


def _activation(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.norm"] == "none":
        return Advice("elu", "without norm: +1.7 points over ReLU on CaffeNet")
    return Advice("relu", "with norm: as good as ELU (0.499 against 0.498) and cheaper")


def _init(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.activation"] in ("sigmoid", "tanh"):
        return Advice("xavier", "keeps the variance where the activation is about linear")
    return Advice("kaiming", "keeps the variance through ReLU-like layers")


def _pools(answers: Mapping[str, Any]) -> bool:
    return answers["architecture.family"] in ("plain", "branches") or answers["architecture.stem"] == "pooled"


def _pool(answers: Mapping[str, Any]) -> Advice:
    if answers["architecture.family"] == "plain":
        return Advice("max_plus_avg", "+1.2 points over max pooling on CaffeNet, without a parameter")
    return Advice("max", "the usual one; the sum with average pooling is measured in plain networks only")


def _head(answers: Mapping[str, Any]) -> Advice:
    return Advice("average", "few parameters, any image size")


def _conv(answers: Mapping[str, Any]) -> Advice:
    return Advice("standard", "fastest for its accuracy on CPUs and GPUs; separable ones save multiply-adds")


_FAMILY = field_question(
    Architecture, "family", "architecture.family", "architecture", "What is a stage made of?", _family, "guided"
)
_STEM = field_question(Architecture, "stem", "architecture.stem", "architecture", "What stands in front?", _stem)
_STAGES = field_question(Architecture, "stages", "architecture.stages", "architecture", None, _stages)

QUESTIONS: tuple[Question, ...] = (
    replace(_FAMILY, choices=_families),
    replace(_STEM, choices=_stems),
    replace(_STAGES, validate=_too_many_stages),
    field_question(Architecture, "width", "architecture.width", "architecture", None, _width, "guided"),
    field_question(Architecture, "depth", "architecture.depth", "architecture", None, _depth, "guided"),
    *section_questions(Defaults, "conv", "model.defaults.conv", "convolution", "Which convolution?", _conv),
    *section_questions(
        Defaults, "norm", "model.defaults.norm", "normalization", "Which normalization?", _norm, "guided"
    ),
    field_question(Defaults, "order", "model.defaults.order", "normalization", lines=ORDERS),
    *section_questions(
        Defaults, "activation", "model.defaults.activation", "activation", "Which activation?", _activation, "guided"
    ),
    *section_questions(Defaults, "pool", "model.defaults.pool", "architecture", "Which pooling?", _pool, when=_pools),
    *section_questions(Defaults, "init", "model.defaults.init", "initialization", "Which first weights?", _init),
    *section_questions(Model, "head", "model.head", "architecture", "How does the network end?", _head),
)
