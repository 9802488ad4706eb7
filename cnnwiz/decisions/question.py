"""A question as data: what it decides, what can be answered, what is recommended and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cnnwiz.spec.write import scalar

if TYPE_CHECKING:
    from cnnwiz.decisions.fingerprint import Fingerprint
    from cnnwiz.spec.document import Spec

Kind = Literal["choice", "several", "number", "numbers", "text", "yes-no"]
Level = Literal["recommended", "guided", "all"]
LEVELS: tuple[Level, ...] = ("recommended", "guided", "all")
Chapter = Literal[
    "data",
    "input and augmentation",
    "architecture",
    "convolution",
    "normalization",
    "activation",
    "initialization",
    "loss",
    "training",
    "optimizer",
    "regularization",
]
NOTHING = "none"
"""What a user types to leave an optional number out; the answer is then None."""


class Option(NamedTuple):
    """One thing to choose: its word in the spec, one line about it, and why it cannot be taken (None where it can)."""

    value: str
    line: str
    unavailable: str | None = None
    card: str = ""  # the name under which `cnnwiz explain` has the long explanation
    evidence: tuple[str, ...] = ()  # ids of measured effects
    warning: str = ""  # why it does not go well with an earlier answer


class Advice(NamedTuple):
    """A recommended answer and its reason in a few words; a number of points in it is that of the evidence named."""

    value: Any
    reason: str
    evidence: tuple[str, ...] = ()


class Background(NamedTuple):
    """What answers are given about: the images as they were seen, and the spec that is edited, where there is one."""

    seen: Fingerprint | None = None
    base: Spec | None = None
    values: Mapping[str, Any] = MappingProxyType({})
    """What the base answers to the questions: these stand where nothing else is answered."""
    kept: frozenset[str] = frozenset()
    """Questions that are not asked, because the base says something there that no answer expresses."""
    tolerated: frozenset[str] = frozenset()
    """Codes of errors that lint finds in the base: they need not go before anything can be answered."""


NO_BACKGROUND = Background()
ABOUT = "about"
"""The key under which functions of a question find the Background among the answers; no question has it."""


class Answers(Mapping[str, Any]):
    """Key to value in the order they were given, never changed in place. `given` came from outside and is not asked.

    Values: a word for a choice, a tuple for several, a number (None for none), a text, True or False.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        given: frozenset[str] = frozenset(),
        about: Background = NO_BACKGROUND,
    ) -> None:
        self._values = dict(values or {})
        self.given = given
        self.about = about

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Answers({self._values!r})"

    def put(self, key: str, value: Any) -> Answers:
        """These answers and one more; a key that was there keeps its place."""
        return Answers({**self._values, key: value}, self.given, self.about)

    def without(self, *keys: str) -> Answers:
        """These answers but for some, which the edited spec no longer answers either."""
        kept, base = (
            {key: value for key, value in values.items() if key not in keys}
            for values in (self._values, self.about.values)
        )
        return Answers(kept, self.given, self.about._replace(values=base) if self.about.values else self.about)

    def having_seen(self, seen: Fingerprint | None) -> Answers:
        """These answers, about images that were looked at."""
        return Answers(self._values, self.given, self.about._replace(seen=seen))


def _always(answers: Mapping[str, Any]) -> bool:
    return True


def _no_options(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    return ()


def _no_advice(answers: Mapping[str, Any]) -> Advice | None:
    return None


def _no_objection(value: Any, answers: Mapping[str, Any]) -> str | None:
    return None


@dataclass(frozen=True)
class Question:
    """One decision. The functions see the answers to all earlier questions, given or recommended.

    `key` is the decision's place in the spec where it has one, and its name for `--set`. `validate` says what is wrong
    with a value (None: nothing); for choices that is known from the options.
    """

    key: str
    chapter: Chapter
    prompt: str
    kind: Kind
    level: Level = "all"
    choices: Callable[[Mapping[str, Any]], tuple[Option, ...]] = _no_options
    recommend: Callable[[Mapping[str, Any]], Advice | None] = _no_advice
    when: Callable[[Mapping[str, Any]], bool] = _always
    validate: Callable[[Any, Mapping[str, Any]], str | None] = _no_objection
    expects: str = "a text"
    optional: bool = False
    help: str = ""

    def problem(self, value: Any, answers: Mapping[str, Any]) -> str | None:
        """What is wrong with this value as an answer, in words; None when it can be taken."""
        if self.kind in ("choice", "several"):
            if value is None and self.optional:
                return None
            words: tuple[Any, ...] = (value,) if self.kind == "choice" else tuple(value or ())
            twice = [f"{word} is named twice" for index, word in enumerate(words) if word in words[:index]]
            refusals = [problem for word in words if (problem := self._not_offered(word, answers))]
            return next(iter([*refusals, *twice]), None)
        return self.validate(value, answers)

    def read(self, text: str, answers: Mapping[str, Any]) -> tuple[Any, str | None]:
        """A typed answer as (value, None), or (None, what is wrong with it)."""
        text = text.strip()
        value, problem = self.parsed(text)
        if problem:
            return None, f"{text[:40]!r} is not {problem}; it takes {self.expects}"
        problem = self.problem(value, answers)
        return (None, problem) if problem else (value, None)

    def parsed(self, text: str) -> tuple[Any, str | None]:
        """A text as a value of this kind, or what it is not."""
        return (None, None) if self.optional and text == NOTHING else _PARSERS[self.kind](text)

    def show(self, value: Any) -> str:
        """A value as a user would type it; `read` gives it back."""
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple):
            return ",".join(self.show(item) for item in value) or NOTHING
        return scalar(value) if isinstance(value, float) else str(value)

    def live(self, answers: Mapping[str, Any]) -> bool:
        """Whether there is something to decide: asked at all, and with two options that can be taken."""
        if not self.when(answers):
            return False
        return self.kind != "choice" or sum(not option.unavailable for option in self.choices(answers)) > 1

    def advise(self, answers: Mapping[str, Any]) -> Advice | None:
        """What stands where nothing is answered: what the edited spec says if that can be taken, else the best."""
        values = answers[ABOUT].values
        if self.key in values and self.problem(values[self.key], answers) is None:
            return Advice(values[self.key], "as in the file")
        return self.recommend(answers)

    def _not_offered(self, word: Any, answers: Mapping[str, Any]) -> str | None:
        options = {option.value: option for option in self.choices(answers)}
        if word not in options:
            close = get_close_matches(str(word)[:100], options, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            return f"{str(word)[:40]!r} is not one of {', '.join(options)}{hint}"
        reason = options[word].unavailable
        return f"{word} cannot be chosen: {reason}" if reason else None


def _word(text: str) -> tuple[Any, str | None]:
    return text, None if text else "a word"


def _words(text: str) -> tuple[Any, str | None]:
    inside = text[1:-1] if text[:1] + text[-1:] == "[]" else text
    words = tuple(word.strip() for word in inside.split(",") if word.strip())
    return (() if words == (NOTHING,) else words), None


def _number(text: str) -> tuple[Any, str | None]:
    for kind in (int, float):
        try:
            return kind(text.replace("_", "x")), None
        except ValueError:
            pass
    return None, "a number"


def _numbers(text: str) -> tuple[Any, str | None]:
    pairs = [_number(word) for word in _words(text)[0]]
    wrong = any(problem for _, problem in pairs)
    return tuple(value for value, _ in pairs), "a list of numbers" if wrong else None


def _truth(text: str) -> tuple[Any, str | None]:
    known = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
    return known.get(text.lower()), None if text.lower() in known else "yes or no"


_PARSERS: dict[Kind, Callable[[str], tuple[Any, str | None]]] = {
    "choice": _word,
    "several": _words,
    "number": _number,
    "numbers": _numbers,
    "text": lambda text: (text, None),
    "yes-no": _truth,
}
