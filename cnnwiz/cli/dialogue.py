"""The conversation of `cnnwiz new`: what is asked and shown, in which order, on any terminal. It writes no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from cnnwiz.decisions import (
    Advice,
    Answers,
    Level,
    Option,
    Question,
    answer,
    back,
    before,
    missing,
    next_question,
    plan,
    question,
    reasons,
    spec_from,
)
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.spec import Finding

OPENING = ("task", "data.source")
"""Questions that everything else adapts to: lint has nothing to say about their options, and is not loaded for them."""


class Signal(Enum):
    """What a user can reply instead of an answer."""

    BACK = ":back"
    HELP = ":help"


@dataclass(frozen=True)
class Page:
    """One question as it is put: everything a front end needs to show it."""

    title: str
    place: str  # its key and number: "optimizer, 9 of 12"
    form: Literal["choice", "several", "text"]
    default: str  # the answer that Enter gives
    options: tuple[Option, ...] = ()
    recommended: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    typed: str = ""  # a text that was refused, for mending


class Front(Protocol):
    """What a kind of terminal has to do. Ctrl-C, Ctrl-D, :quit and the end of input raise KeyboardInterrupt."""

    def ask(self, page: Page) -> str | Signal:
        """Put the question and return what was typed or chosen (words joined by commas)."""
        ...

    def say(self, text: str) -> None:
        """Show sentences, wrapped to the terminal."""
        ...

    def show(self, text: str) -> None:
        """Show a file or a command as it is."""
        ...


@dataclass
class Session:
    """One conversation: the answers so far, which survive an interruption."""

    front: Front
    answers: Answers
    level: Level
    target: str  # file to write, empty for NAME.yaml

    def run(self) -> bool:
        """Ask until the user writes (True) or quits (False)."""
        self.interview()
        while True:
            reply = self.review()
            if reply in ("write", "quit"):
                return reply == "write"
            self.interview(back(self.answers) if reply == Signal.BACK.value else reply)

    def interview(self, key: str | None = None) -> None:
        """Ask `key` if there is one, then whatever is open, until nothing is."""
        while True:
            item = question(key) if key else next_question(self.answers, self.level)
            if item is None:
                return
            reply = self.put(item)
            if reply is Signal.BACK:
                earlier = back(self.answers, item.key)
                if earlier is None:
                    self.front.say("This is the first question; Ctrl-C quits, nothing is written.")
                key = earlier or item.key
                continue
            try:
                change = answer(self.answers, item.key, reply)
            except CnnwizError as error:
                self.front.say(f"Not accepted: {error}")
                continue
            for name, reason in change.dropped:
                self.front.say(f"{name} is open again: {reason}")
            self.front.say(f"- {item.prompt}  {item.show(reply)}")
            self.answers, key = change.answers, None

    def put(self, item: Question) -> Any:
        """Put one question until the answer is allowed; the value, or Signal.BACK."""
        known, typed, problem = before(self.answers, item.key), "", ""
        while True:
            reply = self.front.ask(self.page(item, known, typed, problem))
            if reply is Signal.BACK:
                return reply
            if reply is Signal.HELP:
                self.front.say(explanation(item, known))
                typed = problem = ""
                continue
            value, refusal = item.read(str(reply), known)
            if refusal is None:
                return value
            typed, problem = str(reply), refusal

    def page(self, item: Question, known: Mapping[str, Any], typed: str = "", problem: str = "") -> Page:
        """The question with its options, its place in the plan, the recommendation and the network so far."""
        advice = item.recommend(known)
        keys = [planned.key for planned in plan(self.answers, self.level)]
        number = f", {keys.index(item.key) + 1} of {len(keys)}" if item.key in keys else ""
        notes = [f"Not accepted: {problem}"] if problem else []
        notes += (
            [f"Recommended: {item.show(advice.value)} ({advice.reason})"] if advice else [f"It takes {item.expects}"]
        )
        notes += [line] if (line := so_far(self.answers)) else []
        options = objected(item, item.choices(known), self.answers)
        if item.kind == "yes-no":
            options = (Option("yes", ""), Option("no", ""))
        form = "several" if item.kind == "several" else "choice" if options else "text"
        value = self.answers.get(item.key, advice.value if advice else "")
        return Page(
            title=item.prompt,
            place=f"{item.key}{number}",
            form=form,
            default=item.show(value),
            options=options,
            recommended=_words(item, advice),
            notes=tuple(notes),
            typed=typed,
        )

    def review(self) -> str:
        """Show the file to be; "write", "quit", a key to change, or Signal.BACK's word."""
        from cnnwiz.spec.write import write

        spec = spec_from(self.answers)
        target = self.target or f"{spec.name}.yaml"
        self.front.say("Review: nothing is written yet.")
        self.front.show("\n" + write(spec, reasons(self.answers)))
        self.front.say("\n".join([so_far(self.answers), *checks(spec)]))
        known = before(self.answers)
        shown = plan(self.answers, "guided" if self.level == "recommended" else self.level)
        options = [Option("write", f"write {target}"), Option("quit", "quit without writing")]
        options += [Option(item.key, f"change {item.show(known[item.key])}") for item in shown]
        while True:
            reply = self.front.ask(Page("Write it, or change a line?", "review", "choice", "write", tuple(options)))
            if isinstance(reply, Signal):
                if reply is Signal.BACK and back(self.answers):
                    return reply.value
                self.front.say("Choose write, quit, or the line to change.")
            elif reply in [option.value for option in options]:
                return reply
            else:
                self.front.say(f"{reply!r} is not in the list.")


def choose_level(front: Front, answers: Answers) -> Level:
    """Ask how much is to be decided."""
    counts = {level: len([item for item in plan(answers, level) if item.key not in answers]) for level in LEVEL_LINES}
    options = tuple(Option(level, line.format(counts[level])) for level, line in LEVEL_LINES.items())
    notes = ("What is not asked is decided as recommended; any line can be changed before the file is written.",)
    page = Page("How much do you want to decide?", "level", "choice", "guided", options, ("guided",), notes)
    while True:
        reply = front.ask(page)
        for level in LEVEL_LINES:
            if level == reply:
                return level
        front.say("Choose recommended, guided or all. This is the first question; Ctrl-C quits.")


LEVEL_LINES: dict[Level, str] = {
    "recommended": "questions: {}; the data, and the rest as recommended",
    "guided": "questions: {}, each with a recommendation and its reason",
    "all": "questions: {}, every choice and every parameter",
}


def so_far(answers: Answers) -> str:
    """One line on the network these answers make; empty while there is none."""
    from cnnwiz.graph import graph_of

    if missing(answers):
        return ""
    graph = graph_of(spec_from(answers))
    if graph.finding:
        return f"So far: an impossible network: {graph.finding.message}"
    sides = list(dict.fromkeys(shape[-1] for node in graph.nodes if len(shape := node.output) == 3))
    maps = " > ".join(map(str, dict.fromkeys([graph.input[-1], *sides])))
    field = max(graph.receptive_field)
    return f"So far: {graph.parameters:,} parameters, {_short(graph.macs)} MACs, maps {maps} px, field {field} px"


def checks(spec: Any) -> list[str]:
    """What lint says: the counts, then each finding."""
    from cnnwiz.rules import lint

    findings = lint(spec)
    counts = Counter(finding.severity for finding in findings)
    said = ", ".join(f"{counts[severity]} {word}" for severity, word in (("error", "errors"), ("warning", "warnings")))
    return [f"Checks: {said}", *(f"  {f.severity} {f.code} {f.name}: {f.message}" for f in findings)]


def objected(item: Question, options: tuple[Option, ...], answers: Answers) -> tuple[Option, ...]:
    """The options of a choice; where one of them would bring a finding of lint, that is what its line says."""
    if item.kind != "choice" or item.key in OPENING or missing(answers):
        return options
    usual = {finding.code for finding in _findings(answers)}
    made = []
    for option in options:
        try:
            found = [] if option.unavailable else _findings(answer(answers, item.key, option.value).answers)
        except CnnwizError as error:
            made.append(option._replace(unavailable=str(error).removeprefix(f"{item.key}: ")))
            continue
        new = next((finding for finding in found if finding.code not in usual and finding.severity != "info"), None)
        made.append(option._replace(line=f"{new.severity} {new.code}: {new.message}") if new else option)
    return tuple(made)


def _findings(answers: Answers) -> list[Finding]:
    from cnnwiz.rules import lint

    return lint(spec_from(answers))


def explanation(item: Question, known: Mapping[str, Any]) -> str:
    """The long text behind `?`: what the question takes, and the card of each choice."""
    parts = [f"{item.prompt} ({item.key}, chapter {item.chapter})"]
    parts += [item.help or f"It takes {item.expects}."]
    parts += [f"{option.value}: {option.card or option.line}" for option in item.choices(known)]
    return "\n\n".join(part for part in parts if part)


def command_in(text: str) -> str | Signal:
    """A typed line, or the signal that `?`, :help, :back stand for; :quit raises KeyboardInterrupt."""
    word = text.strip().lower()
    if word == ":quit":
        raise KeyboardInterrupt
    return {"?": Signal.HELP, ":help": Signal.HELP, ":back": Signal.BACK}.get(word, text)


def _words(item: Question, advice: Advice | None) -> tuple[str, ...]:
    """The recommended options."""
    if advice is None or item.kind not in ("choice", "several", "yes-no"):
        return ()
    return advice.value if isinstance(advice.value, tuple) else (item.show(advice.value),)


def _short(number: int) -> str:
    """1,234,567 as 1.23 M."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)
