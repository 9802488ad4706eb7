"""The walk through the questions as pure functions of the answers: no terminal, no state, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnwiz.decisions.compose import Draft, draft
from cnnwiz.decisions.question import LEVELS, NO_BACKGROUND, Answers, Background, Level, Question
from cnnwiz.decisions.questions import QUESTIONS, before, question, steps
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.spec.finding import Finding


class Change(NamedTuple):
    """Answers after one was given, and (key, why) of the later answers it made invalid, which are not among them."""

    answers: Answers
    dropped: tuple[tuple[str, str], ...]
    draft: Draft | None
    """What the answers make; None while some are missing."""
    findings: tuple[Finding, ...] = ()
    """What lint says about that: warnings, and errors that are tolerated."""


def next_question(answers: Answers, level: Level) -> Question | None:
    """The first question of this level that has something to decide and no answer; None when all are answered."""
    return next((item for item in plan(answers, level) if item.key not in answers), None)


def plan(answers: Answers, level: Level) -> list[Question]:
    """The questions of a level, answered and open, if all that are still open were answered as recommended.

    One that nothing can be recommended for belongs to every level; one with a single possible answer to none.
    """
    wanted = LEVELS[: LEVELS.index(level) + 1]
    return [
        item
        for item, known in steps(answers, answers.about)
        if item.key in answers or item.advise(known) is None or (item.level in wanted and item.live(known))
    ]


def answer(answers: Answers, key: str, value: Any) -> Change:
    """The answers with this one, and without later ones that do not go with it.

    Raises CnnwizError when it is not allowed, when no network can be made of the answers any more, or when lint would
    find an error whatever is answered later.
    """
    if problem := question(key).problem(value, before(answers, key)):
        raise CnnwizError(f"{key}: {problem}")
    values, asked = dict(answers.put(key, value)), set()
    dropped: dict[str, str] = {}
    for item, known in steps(values, answers.about):
        asked.add(item.key)
        if item.key in values and (problem := item.problem(values[item.key], known)):
            dropped[item.key] = problem
            del values[item.key]
    dropped |= {name: "no longer asked" for name in values if name not in asked}
    changed = answers.put(key, value).without(*dropped)
    order = [item.key for item in QUESTIONS]
    later = [name for name in order[order.index(key) + 1 :] if name in changed and name not in changed.given]
    change = _mended(_change(changed, dropped), later)
    if wrong := _wrong(change):
        raise CnnwizError(f"{key}: {wrong}")
    return change


def _mended(change: Change, later: Sequence[str]) -> Change:
    """The change without the one later answer, or value of the edited spec, that makes an error; without all `later`
    answers if that is not enough; as it is if there is no way."""
    if not (wrong := _wrong(change)):
        return change
    answers, dropped = change.answers, dict(change.dropped)
    base = [name for name in answers.about.values if name not in answers]
    tries = [*([name] for name in reversed(later)), *([name] for name in reversed(base)), later]
    for names in filter(None, tries):
        fewer = _change(answers.without(*names), dropped | dict.fromkeys(names, wrong))
        if not _wrong(fewer):
            return fewer
    return change


def _change(answers: Answers, dropped: Mapping[str, str]) -> Change:
    made = draft(answers)
    if made is None or made.graph.finding:
        return Change(answers, tuple(dropped.items()), made)
    from cnnwiz.decisions.checks import findings_of  # loads the rules, which the first questions do without

    return Change(answers, tuple(dropped.items()), made, findings_of(made))


def _wrong(change: Change) -> str | None:
    """Why nothing can come of these answers: no network, or an error of lint."""
    if change.draft and change.draft.graph.finding:
        return f"no network can be made: {change.draft.graph.finding.message}"
    tolerated = change.answers.about.tolerated
    found = next((f for f in change.findings if f.severity == "error" and f.code not in tolerated), None)
    return f"{found.code}: {found.message}" if found else None


def take(texts: Mapping[str, str], about: Background = NO_BACKGROUND) -> tuple[Answers, list[str]]:
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
    for item, earlier in steps(values, about, known):
        asked.add(item.key)
        if item.key in texts:
            value, problem = item.read(texts[item.key], earlier)
            if problem:
                problems.append(f"{item.key}: {problem}")
            else:
                values[item.key] = value
    left = [item for item in QUESTIONS if item.key in texts and item.key not in asked]
    problems += [f"{item.key}: {_unasked(item, known)}" for item in left]
    taken = Answers(values, frozenset(values), about)
    if problems or not texts:
        return taken, problems
    change = _mended(_change(taken, {}), ())
    wrong = _wrong(change)
    return change.answers, [wrong] if wrong else []


def back(answers: Answers, key: str | None = None) -> str | None:
    """The key that was asked before `key` (without it: last), whose answer may now be changed; None at the first."""
    asked = [name for name in answers if name not in answers.given]
    if key in asked:
        asked = asked[: asked.index(key)]
    return asked[-1] if asked else None


def _unasked(item: Question, known: Mapping[str, Any]) -> str:
    """Why a question does not arise: the answer it hangs on."""
    above = [item.key.rsplit(".", 1)[0], item.key.rsplit(".", 2)[0], "data.source" if item.chapter == "data" else ""]
    parent = next((key for key in above if key in known), None)
    if parent is None:
        return "does not apply to the other answers"
    return f"does not apply while {parent} is {question(parent).show(known[parent])}"
