"""Questions about what stands in every layer of the network, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnwiz.catalog.activation import NoActivation
from cnnwiz.catalog.choice import Choice
from cnnwiz.decisions.architecture import common_divisor, layers_in
from cnnwiz.decisions.data import side_of
from cnnwiz.decisions.parameters import Recommend, field_question, section_questions
from cnnwiz.decisions.question import Advice, Question
from cnnwiz.decisions.shape import DENSE, is_residual
from cnnwiz.spec.document import Defaults, Model

POOLED = ("plain", "inception", "fire")
SATURATING = ("sigmoid", "tanh")
WITHOUT_NORM = ("none", "local_response")
ORDERS = {
    "conv-norm-act": "the usual order",
    "conv-act-norm": "norm behind the activation: better on CaffeNet, worse on GoogLeNet",
    "norm-act-conv": "pre-activation: dense and very deep residual networks",
    "act-conv-norm": "activation first, as in Xception",
}


def _conv(answers: Mapping[str, Any]) -> Advice:
    return Advice("standard", "fast on every device; separable ones save MACs")


def _groups(most: int, why: str) -> Recommend:
    """The largest number of groups up to `most` that divides the channels of every map."""

    def groups(answers: Mapping[str, Any]) -> Advice:
        plain = {key: value for key, value in answers.items() if key != "model.defaults.conv"}
        shared = common_divisor(layers_in(plain), side_of(answers))
        return Advice(max(n for n in range(1, most + 1) if shared % n == 0), why)

    return groups


def _norm(answers: Mapping[str, Any]) -> Advice:
    return Advice("batch", "+0.3 to 2.8 points on CaffeNet; allows larger rates", ("bn_before", "bn_after"))


def _order(answers: Mapping[str, Any]) -> Advice:
    if answers.get("architecture.family") in DENSE:
        return Advice("norm-act-conv", "each layer norms what it reads, as in DenseNet")
    return Advice("conv-norm-act", "the usual order; norms can be folded away")


def _activations(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.norm"] in WITHOUT_NORM:
        return Advice("elu", "without norm +1.7 points over ReLU on CaffeNet", ("act_elu",))
    return Advice("relu", "with norm, ELU instead lost 0.1 points on CaffeNet", ("bn_elu",))


def _elu_alpha(answers: Mapping[str, Any]) -> Advice:
    plain = answers.get("architecture.family") == "plain" and answers["model.defaults.norm"] == "none"
    deep = plain and answers["architecture.stages"] * answers["architecture.depth"] >= 13
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
    return answers.get("architecture.family", "plain") in POOLED or answers["architecture.stem"] == "pooled"


def _pool(answers: Mapping[str, Any]) -> Advice:
    if answers.get("architecture.family") == "plain":
        return Advice("max_plus_avg", "+1.2 points over max on CaffeNet, no parameters", ("pool_max_plus_avg",))
    return Advice("max", "the sum with average is measured in plain networks only")


HEAD_OF = {"embed": "embedding", "detect": "detection"}
"""Tasks with a head of their own."""


def _other_head(cls: type[Choice], answers: Mapping[str, Any]) -> str | None:
    """Scores for the task classify, embeddings or boxes for the others."""
    task = answers["task"]
    fits = cls.key == HEAD_OF[task] if task in HEAD_OF else cls.key not in HEAD_OF.values()
    return None if fits else f"the task is {task}"


def _one_layer(cls: type[Choice], answers: Mapping[str, Any]) -> str | None:
    return None if getattr(cls, "everywhere", True) else "it is for one layer; write it into a conv of model.layers"


def _head(answers: Mapping[str, Any]) -> Advice:
    if answers["task"] == "embed":
        return Advice("embedding", "numbers to compare instead of scores")
    if answers["task"] == "detect":
        return Advice("detection", "classes and boxes at every position of the last map")
    return Advice("average", "few parameters, any image size")


def _flatten_dropout(answers: Mapping[str, Any]) -> Advice:
    if answers["model.defaults.norm"] == "none":
        return Advice(0.3, "+2.6 points over 0.5 on CaffeNet", ("reg_drop03",))
    return Advice(0.2, "with norm +2.8 points over 0.5 on CaffeNet", ("bn_drop02",))


QUESTIONS: tuple[Question, ...] = (
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
    field_question(Defaults, "order", "model.defaults.order", "normalization", "In which order?", _order, lines=ORDERS),
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
    *section_questions(
        Defaults, "init", "model.defaults.init", "initialization", "Which first weights?", _init, refuse=_one_layer
    ),
    field_question(Defaults, "zero_gamma", "model.defaults.zero_gamma", "initialization", when=is_residual),
    *section_questions(
        Model,
        "head",
        "model.head",
        "architecture",
        "How does the network end?",
        _head,
        details={"flatten.dropout": ("all", _flatten_dropout), "conv.dropout": ("all", _flatten_dropout)},
        refuse=_other_head,
    ),
)
