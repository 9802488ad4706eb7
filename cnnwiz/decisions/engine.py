"""The walk through the questions as pure functions of the answers: no terminal, no state, nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from cnnwiz.decisions import data, model, recipe
from cnnwiz.decisions.question import LEVELS, Answers, Level, Question
from cnnwiz.errors import CnnwizError

QUESTIONS: tuple[Question, ...] = (*data.QUESTIONS, *model.QUESTIONS, *recipe.QUESTIONS)
"""All questions. Conditions, options and recommendations look at earlier ones only, so one pass settles them all."""
_BY_KEY = {question.key: question for question in QUESTIONS}


class Change(NamedTuple):
    """Answers after one was given, and (key, why) of the later answers it made invalid, which are not among them."""

    answers: Answers
    dropped: tuple[tuple[str, str], ...]


def question(key: str) -> Question:
    """The question with this key. Raises CnnwizError, with the nearest key, where there is none."""
    if key not in _BY_KEY:
        close = get_close_matches(key[:100], _BY_KEY, n=1)
        raise CnnwizError(f"unknown key {key[:100]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
    return _BY_KEY[key]


def next_question(answers: Answers, level: Level) -> Question | None:
    """The first question of this level that has something to decide and no answer; None when all are answered."""
    known: dict[str, Any] = {}
    for item in QUESTIONS:
        if item.key in answers:
            known[item.key] = answers[item.key]
        elif item.when(known):
            advice = item.recommend(known)
            if advice is None or (_is_asked(item, level) and item.live(known)):
                return item
            known[item.key] = advice.value
    return None


def answer(answers: Answers, key: str, value: Any) -> Change:
    """The answers with this one, and without those it makes impossible. Raises CnnwizError when it is not allowed."""
    item = question(key)
    known = before(answers, key)
    if problem := item.problem(value, known):
        raise CnnwizError(f"{key}: {problem}")
    known[key] = value
    dropped = []
    for later in QUESTIONS[QUESTIONS.index(item) + 1 :]:
        asked = later.when(known)
        if later.key in answers:
            reason = later.problem(answers[later.key], known) if asked else "no longer asked"
            if reason:
                dropped.append((later.key, reason))
            else:
                known[later.key] = answers[later.key]
        if asked and later.key not in known and (advice := later.recommend(known)):
            known[later.key] = advice.value
    return Change(answers.put(key, value).without(*(name for name, _ in dropped)), tuple(dropped))


def take(texts: Mapping[str, str]) -> tuple[Answers, list[str]]:
    """Answers typed as `KEY=TEXT`, and everything that is wrong with them, in the order of the questions."""
    problems, values = [], {}
    for key in texts:
        try:
            question(key)
        except CnnwizError as error:
            problems.append(str(error))
    known: dict[str, Any] = {}
    for item in QUESTIONS:
        asked = item.when(known)
        if item.key in texts:
            value, problem = item.read(texts[item.key], known) if asked else (None, _unasked(item, known))
            if problem:
                problems.append(f"{item.key}: {problem}")
            else:
                known[item.key] = values[item.key] = value
        if asked and item.key not in known and (advice := item.recommend(known)):
            known[item.key] = advice.value
    return Answers(values, frozenset(values)), problems


def back(answers: Answers, key: str | None = None) -> str | None:
    """The key that was asked before `key` (without it: last), whose answer may now be changed; None at the first."""
    asked = [name for name in answers if name not in answers.given]
    if key in asked:
        asked = asked[: asked.index(key)]
    return asked[-1] if asked else None


def before(answers: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
    """Answers to all questions before `key` (without it: to all), those not given as recommended.

    Stops before the first question that has neither an answer nor a recommendation.
    """
    known: dict[str, Any] = {}
    for item in QUESTIONS:
        if item.key == key:
            break
        if not item.when(known):
            continue
        advice = None if item.key in answers else item.recommend(known)
        if item.key not in answers and advice is None:
            break
        known[item.key] = answers[item.key] if advice is None else advice.value
    return known


def missing(answers: Mapping[str, Any]) -> list[Question]:
    """Questions that must be answered because nothing can be recommended, as far as the answers tell."""
    found, known = [], {}
    for item in QUESTIONS:
        if item.key in answers:
            known[item.key] = answers[item.key]
        elif item.when(known):
            advice = item.recommend(known)
            if advice is None:
                found.append(item)
            else:
                known[item.key] = advice.value
    return found


def defaults(answers: Answers) -> Answers:
    """All questions answered, as recommended where no answer was given. Raises CnnwizError naming those that cannot."""
    if open_questions := missing(answers):
        wanted = ", ".join(item.key for item in open_questions)
        raise CnnwizError(f"answers are missing: {wanted}")
    return Answers(before(answers), answers.given)


def _is_asked(item: Question, level: Level) -> bool:
    return LEVELS.index(item.level) <= LEVELS.index(level)


def _unasked(item: Question, known: Mapping[str, Any]) -> str:
    """Why a question does not arise: the answer it hangs on."""
    parent = next((key for key in (item.key.rsplit(".", depth)[0] for depth in (1, 2)) if key in known), None)
    return (
        f"does not apply while {parent} is {question(parent).show(known[parent])}" if parent else "does not apply here"
    )
