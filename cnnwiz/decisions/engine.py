"""The walk through the questions as pure functions of the answers: no terminal, no state, nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    return next((item for item in plan(answers, level) if item.key not in answers), None)


def plan(answers: Mapping[str, Any], level: Level) -> list[Question]:
    """The questions of a level, answered and open, if all that are still open were answered as recommended.

    One that nothing can be recommended for belongs to every level; one with a single possible answer to none.
    """
    wanted = LEVELS[: LEVELS.index(level) + 1]
    return [
        item
        for item, known in _steps(answers)
        if item.key in answers or item.recommend(known) is None or (item.level in wanted and item.live(known))
    ]


def answer(answers: Answers, key: str, value: Any) -> Change:
    """The answers with this one, and without those it makes impossible. Raises CnnwizError when it is not allowed."""
    if problem := question(key).problem(value, before(answers, key)):
        raise CnnwizError(f"{key}: {problem}")
    values, asked = dict(answers.put(key, value)), set()
    dropped: dict[str, str] = {}
    for item, known in _steps(values):
        asked.add(item.key)
        if item.key in values and (problem := item.problem(values[item.key], known)):
            dropped[item.key] = problem
            del values[item.key]
    dropped |= {name: "no longer asked" for name in values if name not in asked}
    return Change(answers.put(key, value).without(*dropped), tuple(dropped.items()))


def take(texts: Mapping[str, str]) -> tuple[Answers, list[str]]:
    """Answers typed as `KEY=TEXT`, and everything that is wrong with them, in the order of the questions."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key in texts:
        try:
            question(key)
        except CnnwizError as error:
            problems.append(str(error))
    known: dict[str, Any] = {}
    asked = set()
    for item, earlier in _steps(values, known):
        asked.add(item.key)
        if item.key in texts:
            value, problem = item.read(texts[item.key], earlier)
            if problem:
                problems.append(f"{item.key}: {problem}")
            else:
                values[item.key] = value
    left = [item for item in QUESTIONS if item.key in texts and item.key not in asked]
    problems += [f"{item.key}: {_unasked(item, known)}" for item in left]
    return Answers(values, frozenset(values)), problems


def back(answers: Answers, key: str | None = None) -> str | None:
    """The key that was asked before `key` (without it: last), whose answer may now be changed; None at the first."""
    asked = [name for name in answers if name not in answers.given]
    if key in asked:
        asked = asked[: asked.index(key)]
    return asked[-1] if asked else None


def before(answers: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
    """Answers to all questions before `key` (without it: to all), those not given as recommended."""
    known: dict[str, Any] = {}
    for item, earlier in _steps(answers, known):
        if item.key == key:
            return dict(earlier)
    return known


def missing(answers: Mapping[str, Any]) -> list[Question]:
    """Questions that must be answered because nothing can be recommended, as far as the answers tell."""
    return [item for item, known in _steps(answers) if item.key not in answers and item.recommend(known) is None]


def defaults(answers: Answers) -> Answers:
    """All questions answered, as recommended where no answer was given. Raises CnnwizError naming those that cannot."""
    if open_questions := missing(answers):
        raise CnnwizError(f"answers are missing: {', '.join(item.key for item in open_questions)}")
    return Answers(before(answers), answers.given)


def _steps(
    answers: Mapping[str, Any], known: dict[str, Any] | None = None
) -> Iterator[tuple[Question, dict[str, Any]]]:
    """Each question that arises, with the answers to all earlier ones: given, or else recommended."""
    known = {} if known is None else known
    for item in QUESTIONS:
        if not item.when(known):
            continue
        yield item, known
        if item.key in answers:
            known[item.key] = answers[item.key]
        elif advice := item.recommend(known):
            known[item.key] = advice.value


def _unasked(item: Question, known: Mapping[str, Any]) -> str:
    """Why a question does not arise: the answer it hangs on."""
    parent = next((key for key in (item.key.rsplit(".", depth)[0] for depth in (1, 2)) if key in known), None)
    return f"does not apply while {parent} is {question(parent).show(known[parent])}" if parent else "does not apply"
