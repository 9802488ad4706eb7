"""All questions in their order, and what is settled once some of them are answered: the rest as recommended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from cnnwiz.decisions import data, model, recipe, shape
from cnnwiz.decisions.question import ABOUT, Answers, Background, Question
from cnnwiz.errors import CnnwizError

QUESTIONS: tuple[Question, ...] = (
    *data.QUESTIONS,
    *shape.QUESTIONS,
    *model.QUESTIONS,
    *recipe.QUESTIONS,
)
"""All questions. Conditions, options and recommendations look at earlier ones only, so one pass settles them all."""
_BY_KEY = {question.key: question for question in QUESTIONS}


def question(key: str) -> Question:
    """The question with this key. Raises CnnwizError, with the nearest key, where there is none."""
    if key not in _BY_KEY:
        close = get_close_matches(key[:100], _BY_KEY, n=1)
        raise CnnwizError(f"unknown key {key[:100]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
    return _BY_KEY[key]


def steps(
    values: Mapping[str, Any], about: Background, known: dict[str, Any] | None = None
) -> Iterator[tuple[Question, dict[str, Any]]]:
    """Each question that arises, with the answers to all earlier ones: given, or else recommended.

    `values` may change on the way; a `known` that is passed in ends up with everything that is settled.
    """
    known = {} if known is None else known
    known[ABOUT] = about
    for item in QUESTIONS:
        if item.key in about.kept or not item.when(known):
            continue
        yield item, known
        if item.key in values:
            known[item.key] = values[item.key]
        elif advice := item.advise(known):
            known[item.key] = advice.value


def before(answers: Answers, key: str | None = None) -> dict[str, Any]:
    """Answers to all questions before `key` (without it: to all), those not given as recommended."""
    known: dict[str, Any] = {}
    for item, earlier in steps(answers, answers.about, known):
        if item.key == key:
            return dict(earlier)
    return known


def missing(answers: Answers) -> list[Question]:
    """Questions that must be answered because nothing can be recommended, as far as the answers tell."""
    walk = steps(answers, answers.about)
    return [item for item, known in walk if item.key not in answers and item.advise(known) is None]


def settled(answers: Answers) -> dict[str, Any]:
    """Answers to all questions, those not given as recommended. Raises CnnwizError naming those that are missing."""
    if open_questions := missing(answers):
        raise CnnwizError(f"answers are missing: {', '.join(item.key for item in open_questions)}")
    return before(answers)


def defaults(answers: Answers) -> Answers:
    """All questions answered, as recommended where no answer was given. Raises CnnwizError naming those that cannot."""
    known = {key: value for key, value in settled(answers).items() if key != ABOUT}
    return Answers(known, answers.given, answers.about)
