"""Questions about the network: what its stages are made of, and what stands in every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnnwiz.catalog.activation import NoActivation
from cnnwiz.catalog.dropout import StochasticDepth
from cnnwiz.catalog.head import HEADS, EmbeddingHead
from cnnwiz.catalog.input import INPUTS, ColorSpace, ColorTransform
from cnnwiz.decisions.architecture import (
    NOISES,
    Architecture,
    common_divisor,
    most_stages,
    side_after,
    stages_for,
    stem_for,
)
from cnnwiz.decisions.data import facts_of, side_of
from cnnwiz.decisions.families import FAMILIES
from cnnwiz.decisions.parameters import (
    card,
    field_question,
    first_line,
    options,
    parameters,
    section_questions,
)
from cnnwiz.decisions.question import Advice, Option, Question
from cnnwiz.spec.document import Defaults, Model

RESIDUAL = ("basic", "bottleneck", "inverted_residual")
DENSE = ("dense", "dense_inception")
POOLED = ("plain", "inception", "fire")
SATURATING = ("sigmoid", "tanh")
WITHOUT_NORM = ("none", "local_response")
STEMS = {
    "small": "3x3 without stride: keeps every position",
    "strided": "3x3 with stride 2: a quarter of the positions, a quarter of the work",
    "pooled": "7x7 with stride 2, then pooling: a sixteenth of the positions, as in ResNet-50",
}
ORDERS = {
    "conv-norm-act": "the usual order",
    "conv-act-norm": "norm behind the activation: better on CaffeNet, worse on GoogLeNet",
    "norm-act-conv": "pre-activation: dense and very deep residual networks",
    "act-conv-norm": "activation first, as in Xception",
}


def _families(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    return tuple(Option(name, family.line, None, card(family.explained_by)) for name, family in FAMILIES.items())


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


def _inputs(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    """Colour is for images that have some."""
    reason = "the images are grey" if _channels(answers) == 1 else None
    colour = (ColorTransform.key, ColorSpace.key)
    made = options(INPUTS, answers)
    return tuple(option._replace(unavailable=reason if option.value in colour else None) for option in made)


def _input(answers: Mapping[str, Any]) -> Advice:
    if (
        answers["architecture.family"] == "plain"
        and answers["architecture.stem"] != "small"
        and _channels(answers) == 3
    ):
        return Advice((ColorTransform.key,), "+1.4 points on CaffeNet", ("col_learn_10_3_vlrelu",))
    return Advice((), "learned colours: only +0.4 points on GoogLeNet", ("gln_res_color",))


def _channels(answers: Mapping[str, Any]) -> int:
    return answers["data.channels"] or facts_of(answers).channels


def _width(answers: Mapping[str, Any]) -> Advice:
    if side_of(answers) <= 32 and _channels(answers) == 1:
        return Advice(32, "enough for small grey images")
    return Advice(64, "as in ResNet; half of it is a quarter of the work")


def _depth(answers: Mapping[str, Any]) -> Advice:
    if answers["architecture.family"] in DENSE:
        return Advice(6, "each layer adds little; DenseNet-121 has 6 to 24")
    return Advice(2, "two, as in ResNet-18")


def _conv(answers: Mapping[str, Any]) -> Advice:
    return Advice("standard", "fast on every device; separable ones save MACs")


def _groups(most: int, why: str):
    def groups(answers: Mapping[str, Any]) -> Advice:
        architecture = Architecture(**parameters("architecture", answers))
        order = answers.get("model.defaults.order", "conv-norm-act")
        shared = common_divisor(architecture, order, side_of(answers))
        return Advice(max(n for n in range(1, most + 1) if shared % n == 0), why)

    return groups


def _norm(answers: Mapping[str, Any]) -> Advice:
    return Advice("batch", "+0.3 to 2.8 points on CaffeNet; allows larger rates", ("bn_before", "bn_after"))


def _order(answers: Mapping[str, Any]) -> Advice:
    if answers["architecture.family"] in DENSE:
        return Advice("norm-act-conv", "each layer norms what it reads, as in DenseNet")
    return Advice("conv-norm-act", "the usual order; norms can be folded away")


def _activations(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.norm"] in WITHOUT_NORM:
        return Advice("elu", "without norm +1.7 points over ReLU on CaffeNet", ("act_elu",))
    return Advice("relu", "with norm, ELU instead lost 0.1 points on CaffeNet", ("bn_elu",))


def _elu_alpha(answers: Mapping[str, Any]) -> Advice:
    convolutions = answers["architecture.stages"] * answers["architecture.depth"]
    deep = convolutions >= 13 and answers["architecture.family"] == "plain" and answers["model.defaults.norm"] == "none"
    if deep:
        return Advice(0.5, "1 diverged in VGG-16 without norm", ("arch_vgg16_elu1",))
    return Advice(1.0, "the usual value")


def _init(answers: Mapping[str, Any]) -> Advice:
    activation = answers["model.defaults.activation"]
    if activation in (*SATURATING, NoActivation.key):
        return Advice("xavier", "keeps the variance where the activation is about linear")
    if activation == "selu":
        return Advice("lecun", "what SELU's constants are derived for")
    return Advice("kaiming", "keeps the variance through ReLU-like layers")


def _pools(answers: Mapping[str, Any]) -> bool:
    return answers["architecture.family"] in POOLED or answers["architecture.stem"] == "pooled"


def _pool(answers: Mapping[str, Any]) -> Advice:
    if answers["architecture.family"] == "plain":
        return Advice("max_plus_avg", "+1.2 points over max on CaffeNet, no parameters", ("pool_max_plus_avg",))
    return Advice("max", "the sum with average is measured in plain networks only")


def _is_residual(answers: Mapping[str, Any]) -> bool:
    return answers["architecture.family"] in RESIDUAL


def _heads(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    """Scores for the task classify, embeddings for the task embed."""
    task = answers["task"]
    reasons = {cls.key: None if (cls is EmbeddingHead) == (task == "embed") else f"the task is {task}" for cls in HEADS}
    return tuple(option._replace(unavailable=reasons[option.value]) for option in options(HEADS, answers))


def _head(answers: Mapping[str, Any]) -> Advice:
    if answers["task"] == "embed":
        return Advice("embedding", "numbers to compare instead of scores")
    return Advice("average", "few parameters, any image size")


def _flatten_dropout(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.norm"] == "none":
        return Advice(0.3, "+2.6 points over 0.5 on CaffeNet", ("reg_drop03",))
    return Advice(0.2, "with norm +2.8 points over 0.5 on CaffeNet", ("bn_drop02",))


def _noises(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    made = [Option(cls.key, first_line(cls), None, card(cls)) for cls in NOISES]
    return (Option("none", "no noise; the head may have dropout of its own"), *made)


def _has_noise(answers: Mapping[str, Any]) -> bool:
    return answers["architecture.dropout"] != "none"


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
        choices=_inputs,
    ),
    _architecture("width", "Channels of the first stage", _width, level="guided"),
    _architecture("depth", "Blocks or convolutions in each stage", _depth, level="guided"),
    *section_questions(
        Defaults,
        "conv",
        "model.defaults.conv",
        "convolution",
        "Which convolution?",
        _conv,
        details={
            "grouped.groups": ("all", _groups(2, "divides all channels; 2 in AlexNet")),
            "shuffled_grouped.groups": ("all", _groups(4, "divides all channels; 2 to 8 in ShuffleNet")),
        },
    ),
    field_question(Defaults, "order", "model.defaults.order", "normalization", None, _order, lines=ORDERS),
    *section_questions(
        Defaults,
        "norm",
        "model.defaults.norm",
        "normalization",
        "Which normalization?",
        _norm,
        "guided",
        details={"group.groups": ("all", _groups(32, "divides all channels; 32 in the paper"))},
    ),
    *section_questions(
        Defaults,
        "activation",
        "model.defaults.activation",
        "activation",
        "Which activation?",
        _activations,
        "guided",
        details={"elu.alpha": ("all", _elu_alpha)},
    ),
    *section_questions(Defaults, "pool", "model.defaults.pool", "architecture", "Which pooling?", _pool, when=_pools),
    *section_questions(Defaults, "init", "model.defaults.init", "initialization", "Which first weights?", _init),
    field_question(Defaults, "zero_gamma", "model.defaults.zero_gamma", "initialization", when=_is_residual),
    *section_questions(
        Model,
        "head",
        "model.head",
        "architecture",
        "How does the network end?",
        _head,
        details={"flatten.dropout": ("all", _flatten_dropout), "conv.dropout": ("all", _flatten_dropout)},
        choices=_heads,
    ),
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
        field_question(
            StochasticDepth,
            "rate",
            "model.defaults.stochastic_depth.rate",
            "regularization",
            "Leave out residual bodies at random: rate at the last",
            lambda answers: Advice(None, "for networks of 50 layers and more"),
            when=_is_residual,
        ),
        optional=True,
    ),
)
