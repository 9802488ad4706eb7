"""From answers to a spec, and to the words that say in the file why each decision was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.catalog.dropout import StochasticDepth
from cnnwiz.catalog.regularization import PENALTIES, Regularization
from cnnwiz.decisions.architecture import Architecture, layers_of
from cnnwiz.decisions.data import facts_of, source_of
from cnnwiz.decisions.parameters import parameters
from cnnwiz.decisions.question import Answers, Question
from cnnwiz.decisions.questions import QUESTIONS, before, defaults, missing
from cnnwiz.graph import graph_of
from cnnwiz.spec.document import FORMAT, Spec
from cnnwiz.spec.fields import shape_of
from cnnwiz.spec.finding import Path

P = TypeVar("P", bound=Part)
ALSO_EXPLAINED = ("schedule", "regularization.l2.factor")
"""Questions of the longest level whose answers are written out all the same."""
_PLACES: dict[str, Path] = {"architecture.family": ("model", "layers")}


def spec_from(answers: Answers) -> Spec:
    """The spec these answers describe, everything unanswered as recommended.

    Raises CnnwizError that names the answers without which there is none.
    """
    known = defaults(answers)
    architecture = Architecture(**parameters("architecture", known))
    depth_rate = known.get("model.defaults.stochastic_depth.rate")
    penalties: dict[str, Any] = {
        word: _choice(PENALTIES, "regularization", word, known) for word in known["regularization"]
    }
    built = {
        "cnnwiz": FORMAT,
        "data.source": source_of(known),
        "model.layers": layers_of(architecture, known["model.defaults.conv"], known["model.defaults.order"]),
        "model.defaults.stochastic_depth": StochasticDepth(rate=depth_rate) if depth_rate is not None else None,
        "regularization": Regularization(**penalties),
    }
    return _part(Spec, "", known, built)


def impossible(answers: Answers) -> str | None:
    """Why no network can be made of these answers; None where one can, or where data are still open."""
    if missing(answers):
        return None
    finding = graph_of(spec_from(answers)).finding
    return f"no network can be made: {finding.message}" if finding else None


def reasons(answers: Answers) -> dict[Path, str]:
    """A few words for the places of the spec that matter most: why each was decided as it was."""
    known, found = before(answers), {}
    for question in QUESTIONS:
        if question.key in known and (question.level != "all" or question.key in ALSO_EXPLAINED):
            found[_PLACES.get(question.key, tuple(question.key.split(".")))] = reason(question, answers)
    return found


def reason(question: Question, answers: Answers) -> str:
    """Why the answer is what it is: the recommendation's reason, or that something else was answered."""
    advice = question.recommend(before(answers, question.key))
    if question.key == "data.source":
        return _facts(answers)
    if advice is None:
        return "as answered"
    if answers.get(question.key, advice.value) == advice.value:
        return advice.reason
    return f"as answered; recommended: {question.show(advice.value)}"


def _facts(answers: Answers) -> str:
    """What is known about the data, as in "10 classes, grey, 8 px"."""
    classes, channels, side = facts_of(before(answers))
    known = [f"{classes} classes"] if classes else []
    return ", ".join([*known, "grey" if channels == 1 else "RGB", *([f"{side} px"] if side else [])])


def _part(cls: type[P], prefix: str, answers: Mapping[str, Any], built: Mapping[str, Any]) -> P:
    """A part of the spec from the answers whose keys are its paths; `built` holds what is made otherwise."""
    values: dict[str, Any] = {}
    for name, field in cls.model_fields.items():
        key, shape = f"{prefix}{name}", shape_of(field.annotation)
        if key in built:
            values[name] = built[key]
        elif shape.kind == "part" and shape.part:
            values[name] = _part(shape.part, f"{key}.", answers, built)
        elif key not in answers:
            continue
        elif shape.section:
            values[name] = _choice(shape.section.choices, key, answers[key], answers)
        elif shape.item and shape.item.section:
            choices = shape.item.section.choices
            values[name] = tuple(_choice(choices, key, word, answers) for word in answers[key])
        else:
            values[name] = answers[key]
    return cls(**values)


def _choice(classes: tuple[type[Choice], ...], key: str, word: str, answers: Mapping[str, Any]) -> Choice:
    cls = next(choice for choice in classes if choice.key == word)
    return cls(**parameters(f"{key}.{word}", answers))
