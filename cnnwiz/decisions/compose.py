"""From answers to a spec, to its network, and to the words that say in the file why each decision was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.catalog.dropout import StochasticDepth
from cnnwiz.catalog.lookahead import Lookahead
from cnnwiz.catalog.regularization import PENALTIES, Regularization
from cnnwiz.decisions.architecture import layers_in
from cnnwiz.decisions.data import channels_of, classes_of, facts_of, seen_of, side_of, source_of
from cnnwiz.decisions.parameters import parameters
from cnnwiz.decisions.question import Answers, Question
from cnnwiz.decisions.questions import QUESTIONS, before, settled, steps
from cnnwiz.graph import Graph, wire_model
from cnnwiz.spec.document import FORMAT, Spec
from cnnwiz.spec.fields import shape_of
from cnnwiz.spec.finding import Path

P = TypeVar("P", bound=Part)
ALSO_EXPLAINED = ("schedule", "regularization.l2.factor")
"""Questions of the longest level whose answers are written out all the same."""
PLACES: dict[str, Path] = {"architecture.family": ("model", "layers"), "data.path": ("data", "source")}
"""Where in the spec an answer stands whose key is not its place."""


class Draft(NamedTuple):
    """The spec that answers describe and its network, which may be impossible."""

    spec: Spec
    graph: Graph


def spec_from(answers: Answers) -> Spec:
    """The spec these answers describe, everything unanswered as the edited spec has it, or as recommended.

    Raises CnnwizError that names the answers without which there is none.
    """
    return _spec(settled(answers), answers.about.base)


def draft(answers: Answers) -> Draft | None:
    """Spec and network of these answers, without reading images that were looked at; None while answers are missing."""
    known: dict[str, Any] = {}
    for item, earlier in steps(answers, answers.about, known):
        if item.key not in answers and item.advise(earlier) is None:
            return None
    spec, side = _spec(known, answers.about.base), side_of(known)
    graph = wire_model(spec.model, (channels_of(known), side, side), classes_of(known) or 2, spec.name)
    return Draft(spec, graph)


def _spec(known: Mapping[str, Any], base: Spec | None) -> Spec:
    depth_rate = known.get("model.defaults.stochastic_depth.rate")
    penalties = base.regularization if base else Regularization()
    chosen: dict[str, Any] = {
        word: _choice(PENALTIES, "regularization", word, known, getattr(penalties, word))
        for word in known["regularization"]
    }
    built = {
        "cnnwiz": FORMAT,
        "data.source": source_of(known),
        "model.layers": layers_in(known),
        "model.defaults.stochastic_depth": StochasticDepth(rate=depth_rate) if depth_rate is not None else None,
        "regularization": Regularization(**chosen),
        "training.lookahead": Lookahead(**parameters("training.lookahead", known))
        if known["training.lookahead"]
        else None,
    }
    if base and base.data.source != built["data.source"]:
        built["data.classes"] = known.get("data.classes")  # that of other images says nothing
    return _part(Spec, "", known, built, base)


def reasons(answers: Answers) -> dict[Path, str]:
    """A few words for the places of the spec that matter most: why each was decided as it was."""
    known, found = before(answers), {}
    for question in QUESTIONS:
        if question.key in known and (question.level != "all" or question.key in ALSO_EXPLAINED):
            found.setdefault(place_of(question.key), reason(question, answers))
    return found


def place_of(key: str) -> Path:
    """Where in the spec the answer to a question stands."""
    return PLACES.get(key, ("model", "layers") if key.startswith("architecture.") else tuple(key.split(".")))


def reason(question: Question, answers: Answers) -> str:
    """Why the answer is what it is: the recommendation's reason, or that something else was answered."""
    known = before(answers, question.key)
    advice = question.recommend(known)
    if question.key in ("data.source", "data.path"):
        return _facts(answers)
    if advice is None:
        return "as answered"
    settled = question.advise(known)
    if answers.get(question.key, settled.value if settled else None) == advice.value:
        return advice.reason
    return f"as answered; recommended: {question.show(advice.value)}"


def _facts(answers: Answers) -> str:
    """What is known about the data, as in "10 classes, grey, 8 px"."""
    known = before(answers)
    if seen := seen_of(known):
        return seen.headline()
    classes, channels, side = facts_of(known)
    words = [f"{classes} classes"] if classes else []
    return ", ".join([*words, "grey" if channels == 1 else "RGB", *([f"{side} px"] if side else [])])


def _part(cls: type[P], prefix: str, answers: Mapping[str, Any], built: Mapping[str, Any], base: P | None) -> P:
    """A part of the spec from the answers whose keys are its paths; `built` holds what is made otherwise.

    What no question decides is as in `base`.
    """
    values: dict[str, Any] = {}
    for name, field in cls.model_fields.items():
        key, shape = f"{prefix}{name}", shape_of(field.annotation)
        old = getattr(base, name) if base else None
        if key in built:
            values[name] = built[key]
        elif shape.kind == "part" and shape.part and any(word.startswith(f"{key}.") for word in (*answers, *built)):
            values[name] = _part(shape.part, f"{key}.", answers, built, old)
        elif key not in answers:
            values |= {name: old} if base else {}
        elif shape.section:
            values[name] = _choice(shape.section.choices, key, answers[key], answers, old)
        elif shape.item and shape.item.section:
            choices = shape.item.section.choices
            named = {choice.key: choice for choice in old or ()}
            values[name] = tuple(_choice(choices, key, word, answers, named.get(word)) for word in answers[key])
        else:
            values[name] = answers[key]
    return cls(**values)


def _choice(
    classes: tuple[type[Choice], ...], key: str, word: str, answers: Mapping[str, Any], base: Choice | None
) -> Choice:
    """The choice called `word` with its answered parameters, the others as in `base` where that is the same choice."""
    cls = next(choice for choice in classes if choice.key == word)
    old = {name: getattr(base, name) for name in cls.model_fields} if isinstance(base, cls) else {}
    return cls(**old | parameters(f"{key}.{word}", answers))
