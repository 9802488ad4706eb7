"""Questions about the network: what its stages are made of, and what stands in every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnnwiz.decisions.architecture import FAMILIES, Architecture, most_stages, side_after, stages_for, stem_for
from cnnwiz.decisions.data import facts_of, side_of
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
    "conv-act-norm": "norm behind the activation: better on CaffeNet, worse on GoogLeNet",
    "norm-act-conv": "pre-activation, for very deep residual networks",
    "act-conv-norm": "activation first, as in separable convolutions",
}


def _families(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    cards = {name: family.explained_by for name, family in FAMILIES.items()}
    return tuple(Option(name, first_sentence(cls.card()["what"]), None, card(cls)) for name, cls in cards.items())


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


def _width(answers: Mapping[str, Any]) -> Advice:
    if side_of(answers) <= 32 and facts_of(answers).channels == 1:
        return Advice(32, "enough for small grey images")
    return Advice(64, "as in ResNet; half of it is a quarter of the work")


def _depth(answers: Mapping[str, Any]) -> Advice:
    return Advice(2, "two, as in ResNet-18")


def _norm(answers: Mapping[str, Any]) -> Advice:
    return Advice("batch", "+0.3 to 2.8 points on CaffeNet; allows larger rates", ("bn_before", "bn_after"))


def _activation(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.norm"] == "none":
        return Advice("elu", "without norm +1.7 points over ReLU on CaffeNet", ("act_elu",))
    return Advice("relu", "with norm, ELU instead lost 0.1 points on CaffeNet", ("bn_elu",))


def _init(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.activation"] in ("sigmoid", "tanh"):
        return Advice("xavier", "keeps the variance where the activation is about linear")
    return Advice("kaiming", "keeps the variance through ReLU-like layers")


def _pools(answers: Mapping[str, Any]) -> bool:
    return answers["architecture.family"] in ("plain", "branches") or answers["architecture.stem"] == "pooled"


def _pool(answers: Mapping[str, Any]) -> Advice:
    if answers["architecture.family"] == "plain":
        return Advice("max_plus_avg", "+1.2 points over max on CaffeNet, no parameters", ("pool_max_plus_avg",))
    return Advice("max", "the sum with average is measured in plain networks only")


def _head(answers: Mapping[str, Any]) -> Advice:
    return Advice("average", "few parameters, any image size")


def _elu_alpha(answers: Mapping[str, Any]) -> Advice:
    convolutions = answers["architecture.stages"] * answers["architecture.depth"]
    deep = convolutions >= 13 and answers["architecture.family"] == "plain" and answers["model.defaults.norm"] == "none"
    return (
        Advice(0.5, "1 diverged in VGG-16 without norm", ("arch_vgg16_elu1",))
        if deep
        else Advice(1.0, "the usual value")
    )


def _flatten_dropout(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.norm"] == "none":
        return Advice(0.3, "+2.6 points over 0.5 on CaffeNet", ("reg_drop03",))
    return Advice(0.2, "with norm +2.8 points over 0.5 on CaffeNet", ("bn_drop02",))


def _conv(answers: Mapping[str, Any]) -> Advice:
    return Advice("standard", "fast on every device; separable ones save MACs")


_FAMILY = field_question(
    Architecture, "family", "architecture.family", "architecture", "What is a stage made of?", _family, "guided"
)
_STEM = field_question(Architecture, "stem", "architecture.stem", "architecture", "What stands in front?", _stem)
_STAGES = field_question(
    Architecture, "stages", "architecture.stages", "architecture", "Stages, each but the first halving the map", _stages
)

QUESTIONS: tuple[Question, ...] = (
    replace(_FAMILY, choices=_families),
    replace(_STEM, choices=_stems),
    replace(_STAGES, validate=_too_many_stages),
    field_question(
        Architecture, "width", "architecture.width", "architecture", "Channels of the first stage", _width, "guided"
    ),
    field_question(
        Architecture,
        "depth",
        "architecture.depth",
        "architecture",
        "Blocks or convolutions in each stage",
        _depth,
        "guided",
    ),
    *section_questions(Defaults, "conv", "model.defaults.conv", "convolution", "Which convolution?", _conv),
    *section_questions(
        Defaults, "norm", "model.defaults.norm", "normalization", "Which normalization?", _norm, "guided"
    ),
    field_question(Defaults, "order", "model.defaults.order", "normalization", lines=ORDERS),
    *section_questions(
        Defaults,
        "activation",
        "model.defaults.activation",
        "activation",
        "Which activation?",
        _activation,
        "guided",
        details={"elu.alpha": ("all", _elu_alpha)},
    ),
    *section_questions(Defaults, "pool", "model.defaults.pool", "architecture", "Which pooling?", _pool, when=_pools),
    *section_questions(Defaults, "init", "model.defaults.init", "initialization", "Which first weights?", _init),
    *section_questions(
        Model,
        "head",
        "model.head",
        "architecture",
        "How does the network end?",
        _head,
        details={"flatten.dropout": ("all", _flatten_dropout)},
    ),
)
