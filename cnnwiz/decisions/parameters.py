"""Questions made from the catalogue: which choice of a section, and each parameter of what was chosen."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.catalog.layer import Layer
from cnnwiz.decisions.question import NOTHING, Advice, Chapter, Kind, Level, Option, Question
from cnnwiz.spec.fields import shape_of
from cnnwiz.spec.wording import expected

Recommend = Callable[[Mapping[str, Any]], Advice | None]
When = Callable[[Mapping[str, Any]], bool]
Refuse = Callable[[type[Choice], Mapping[str, Any]], str | None]
PLACES = {
    "activation": "model.defaults.activation",
    "augmentation": "augment",
    "initialization": "model.defaults.init",
    "loss": "loss",
    "normalization": "model.defaults.norm",
    "optimizer": "optimizer",
    "pooling": "model.defaults.pool",
    "regularization": "regularization",
}
"""The question that decides a section, for the conflicts that choices name."""


def options(
    classes: tuple[type[Choice], ...], answers: Mapping[str, Any], refuse: Refuse = lambda cls, answers: None
) -> tuple[Option, ...]:
    """An option for each class, from its card, with a warning where it conflicts with an earlier answer, and the reason
    where it is refused."""
    return tuple(
        option(cls)._replace(warning=conflict(cls, answers), unavailable=refuse(cls, answers)) for cls in classes
    )


def option(cls: type[Choice], line: str = "") -> Option:
    """A choice of the catalogue as an option; `line` stands in for what it is."""
    return Option(cls.key, line or first_line(cls), None, f"{cls.section}.{cls.key}", cls.evidence)


def conflict(cls: type[Choice], answers: Mapping[str, Any]) -> str:
    """Why this choice does not go with an earlier answer; empty when it does."""
    for name, reason in cls.conflicts.items():
        section, key = name.split(".", 1)
        answer = answers.get(PLACES.get(section, ""))
        if key == answer or (isinstance(answer, tuple) and key in answer):
            return f"not with {key}: {reason}"
    return ""


@cache
def first_line(cls: type[Choice]) -> str:
    """What the choice is, up to the first full stop or semicolon."""
    text = cls.card()["what"]
    ends = [place for mark in (". ", "; ") if (place := text.find(mark)) > 0]
    return text[: min(ends, default=len(text))].rstrip(".")


def section_questions(
    part: type[Part],
    field: str,
    key: str,
    chapter: Chapter,
    prompt: str,
    recommend: Recommend,
    level: Level = "all",
    when: When = lambda answers: True,
    details: Mapping[str, tuple[Level, Recommend]] | None = None,
    refuse: Refuse = lambda cls, answers: None,
) -> tuple[Question, ...]:
    """The question which choice `part.field` holds, and the questions on the parameters of each choice.

    `details` gives a parameter, such as "sgd.lr", a level and a recommendation of its own; the others are of level
    "all" and recommend the catalogue's default. `refuse` says why a choice cannot be taken.
    """
    shape = shape_of(part.model_fields[field].annotation)
    several = shape.kind == "list"
    section = shape.item.section if several and shape.item else shape.section
    assert section is not None, f"{part.__name__}.{field} holds no choices"
    question = Question(
        key=key,
        chapter=chapter,
        prompt=prompt,
        kind="several" if several else "choice",
        level=level,
        choices=lambda answers: options(section.choices, answers, refuse),
        recommend=recommend,
        when=when,
        expects=f"one of {', '.join(choice.key for choice in section.choices)}",
    )
    return (question, *parameter_questions(section.choices, key, chapter, details or {}))


def parameter_questions(
    classes: tuple[type[Choice], ...],
    key: str,
    chapter: Chapter,
    details: Mapping[str, tuple[Level, Recommend]],
    when: When | None = None,
) -> tuple[Question, ...]:
    """One question for each parameter of each class, asked when that is what `key` was answered with, or `when`."""
    made = []
    for cls in classes:
        for name in cls.model_fields:
            if not is_asked(cls, name):
                continue
            level, recommend = details.get(f"{cls.key}.{name}", ("all", None))
            prompt = f"{_sentence(cls.model_fields[name].description or name)} ({cls.key})"
            asked = when or _chosen(key, cls.key)
            made.append(field_question(cls, name, f"{key}.{cls.key}.{name}", chapter, prompt, recommend, level, asked))
    return tuple(made)


def parameters(key: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers one step below `key`, by their last word: {"lr": 0.1} for "optimizer.sgd"."""
    below = {name.removeprefix(f"{key}."): value for name, value in answers.items() if name.startswith(f"{key}.")}
    return {name: value for name, value in below.items() if "." not in name}


def is_asked(part: type[Part], name: str) -> bool:
    """Whether a field can be answered in one line.

    Paths have a question for all sources together. What has no plain answer is left to the file: layers, other choices,
    optional texts and lists of texts; without them the layer's or the source's own behaviour holds.
    """
    field = part.model_fields[name]
    shape = shape_of(field.annotation)
    if shape.kind != "value" or name in Layer.model_fields:
        return False
    kind, _ = _form(field.annotation)
    return kind != "text" or (field.is_required() and name != "path")


def field_question(
    part: type[Part],
    name: str,
    key: str,
    chapter: Chapter,
    prompt: str | None = None,
    recommend: Recommend | None = None,
    level: Level = "all",
    when: When = lambda answers: True,
    lines: Mapping[str, str] | None = None,
) -> Question:
    """A question on one field of a part, with its kind, limits and default. `lines` describes a literal's words."""
    field = part.model_fields[name]
    kind, words = _form(field.annotation)
    optional = type(None) in get_args(field.annotation)
    offered = tuple(Option(word, (lines or {}).get(word, "")) for word in words)
    usual = _usual(field, words)
    takes = expected(part, name)
    return Question(
        key=key,
        chapter=chapter,
        prompt=prompt or _sentence(field.description or name),
        kind=kind,
        level=level,
        choices=lambda answers: offered,
        recommend=recommend or (lambda answers: usual),
        when=when,
        validate=lambda value, answers: _objection(part, name, value),
        expects=f"{takes}, or {NOTHING}" if optional else takes,
        optional=optional,
        help=f"{_sentence(field.description or name)}.",
    )


def _usual(field: FieldInfo, words: tuple[Any, ...]) -> Advice | None:
    """The field's default, or the first word of a field that has to be given; None for other such fields."""
    if not field.is_required():
        return Advice(field.get_default(call_default_factory=True), "the usual value")
    return Advice(words[0], "the first of them") if words else None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _form(annotation: Any) -> tuple[Kind, tuple[Any, ...]]:
    """The kind of question a field's type makes, and the words it is limited to."""
    members = _members(annotation)
    # A size is one number or a pair; one number is what is asked for.
    pairs = [] if int in members else [member for member in members if get_origin(member) is tuple]
    inner = _members(get_args(pairs[0])[0]) if pairs else members
    words = tuple(word for member in inner if get_origin(member) is Literal for word in get_args(member))
    if pairs and words:
        return "several", words
    if any(isinstance(word, str) for word in words):
        return "choice", words
    if str in inner:
        return "text", ()
    return ("numbers" if pairs else "yes-no" if bool in members else "number"), ()


def _members(annotation: Any) -> list[Any]:
    """The types a field may hold, without their limits and without None."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for option in get_args(annotation) for member in _members(option)]
    return [] if annotation is type(None) else [annotation]


def _objection(part: type[Part], name: str, value: Any) -> str | None:
    """What pydantic says against a value for this field, in words."""
    try:
        part.model_validate({name: value})
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            if problem["loc"][:1] == (name,):
                return f"{value} is not allowed; it takes {expected(part, name)}"
            if not problem["loc"]:
                return str(problem["ctx"]["error"]) if "ctx" in problem else problem["msg"]
    return None


def _chosen(key: str, word: str) -> When:
    def chosen(answers: Mapping[str, Any]) -> bool:
        answer = answers.get(key)
        return word in answer if isinstance(answer, tuple) else word == answer

    return chosen
