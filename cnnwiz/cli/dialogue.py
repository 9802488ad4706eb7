"""The conversation of `cnnwiz new`: what is asked and shown, in which order, on any terminal. It writes no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnwiz.cli.consequences import Outcome, about, recommended_words
from cnnwiz.cli.page import Front, Help, Page, Signal
from cnnwiz.decisions import (
    Answers,
    Level,
    Option,
    Question,
    answer,
    back,
    before,
    defaults,
    draft,
    missing,
    next_question,
    plan,
    question,
)
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.spec import Document

DATA = ("data.source", "data.path")
"""Questions behind which the images are looked at."""
SUMMARY = ("task", "architecture.family", "augment", "optimizer", "schedule", "training.epochs")
"""What the first screen shows of the recommended answers."""


@dataclass
class Session:
    """One conversation: the answers so far, which survive an interruption."""

    front: Front
    answers: Answers
    level: Level
    target: str  # file to write, empty for NAME.yaml
    document: Document | None = None  # the text that is edited

    @property
    def file(self) -> str:
        """The file to write."""
        return self.target or f"{before(self.answers)['name']}.yaml"

    def text(self) -> str:
        """What would be written."""
        from cnnwiz.cli.save import text_of

        return text_of(self.answers, self.document).text

    def difference(self) -> list[str]:
        """How the file that is there would change."""
        from difflib import unified_diff

        old = Path(self.file).read_text(encoding="utf-8", errors="replace").splitlines()
        return list(unified_diff(old, self.text().splitlines(), self.file, f"{self.file} (new)", lineterm=""))

    def run(self) -> bool:
        """Ask until the user writes (True) or quits (False)."""
        self.look()
        self.interview()
        while True:
            reply = self.review()
            if reply in ("write", "quit"):
                return reply == "write"
            self.interview(back(self.answers) if reply == Signal.BACK.value else reply)

    def look(self) -> str | None:
        """Look at the images, if it is known where they are and that was not done; what is wrong with them, or None."""
        from cnnwiz.cli.look import looked_at

        try:
            self.answers, lines = looked_at(self.answers, self.front.progress)
        except CnnwizError as error:
            return str(error)
        for line in lines:
            self.front.say(line)
        return None

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
            key = None if self.take(item, reply) else item.key

    def take(self, item: Question, reply: Any) -> bool:
        """Give this answer, and say what it changes; False if it cannot be given."""
        earlier = self.answers
        try:
            change = answer(earlier, item.key, reply)
        except CnnwizError as error:
            self.front.say(f"Not accepted: {error}")
            return False
        self.answers = change.answers
        if item.key in DATA and (problem := self.look()):
            self.front.say(f"Not accepted: {problem}")
            self.answers = earlier
            return False
        for name, reason in change.dropped:
            self.front.say(f"{name} is open again: {reason}")
        self.front.say(f"- {item.prompt}  {item.show(reply)}")
        return True

    def put(self, item: Question) -> Any:
        """Put one question until the answer is allowed; the value, or Signal.BACK."""
        known, typed, problem = before(self.answers, item.key), "", ""
        while True:
            reply = self.front.ask(self.page(item, known, typed, problem))
            if isinstance(reply, Signal):
                return reply
            if isinstance(reply, Help):
                self.front.show(explanation(item, known, reply.word))
                typed = problem = ""
                continue
            value, refusal = item.read(reply, known)
            if refusal is None:
                return value
            typed, problem = reply, refusal

    def page(self, item: Question, known: Mapping[str, Any], typed: str = "", problem: str = "") -> Page:
        """The question with its options, its place in the plan, the recommendation, and what replies lead to."""
        advice, settled = item.recommend(known), item.advise(known)
        keys = [planned.key for planned in plan(self.answers, self.level)]
        number = f", {keys.index(item.key) + 1} of {len(keys)}" if item.key in keys else ""
        options = (Option("yes", ""), Option("no", "")) if item.kind == "yes-no" else item.choices(known)
        form = "several" if item.kind == "several" else "choice" if options else "text"
        value = self.answers.get(item.key, settled.value if settled else "")
        notes = [f"Not accepted: {problem}"] if problem else []
        notes += [f"(was {item.show(value)}; Enter keeps it)"] if item.key in self.answers else []
        if advice is None or form != "choice":
            notes += [f"Recommended: {item.show(advice.value)} ({advice.reason})"] if advice else []
            notes += [f"It takes {item.expects}."] if form == "text" else []
        outcome = Outcome(item, known, self.answers, options)
        return Page(
            title=item.prompt,
            place=f"{item.key}{number}",
            form=form,
            default=item.show(value),
            options=options,
            recommended=recommended_words(item, advice),
            notes=tuple(notes),
            typed=typed,
            about=lambda word: about(item, options, word, advice, known),
            tell=outcome.told,
        )

    def review(self) -> str:
        """Show what was decided and checked; "write", "quit", a key to change, or Signal.BACK's word."""
        made = draft(self.answers)
        assert made, "all questions are answered"
        lines = self._decided()
        self.front.say("\nReview: nothing is written yet.")
        self.front.say("\n".join([*lines.values(), _network(self.answers), *checks(made.spec)]))
        options = [
            Option("write", f"write {self.file}"),
            Option("show", "show the YAML"),
            Option("quit", "quit without writing"),
            *(Option(key, "change it") for key in lines),
        ]
        page = Page("Write it, or change a line?", "review", "choice", "write", tuple(options))
        while True:
            reply = self.front.ask(page)
            if isinstance(reply, Help):
                self.front.say("Choose write, show, quit, or the line to change.")
            elif isinstance(reply, Signal):
                if back(self.answers):
                    return reply.value
                self.front.say("Nothing was asked before; choose write, quit, or the line to change.")
            elif reply == "show":
                self.front.show("\n" + self.text())
            elif reply in [option.value for option in options]:
                return reply
            else:
                self.front.say(f"{reply!r} is not in the list.")

    def _decided(self) -> dict[str, str]:
        """A line for each question of the level, and for each other answer that is not what was recommended."""
        known = before(self.answers)
        shown = [item.key for item in plan(self.answers, "guided" if self.level == "recommended" else self.level)]
        shown += [key for key in known if key in self.answers and key not in shown]
        width = max(map(len, shown))
        return {key: f"  {key:<{width}}  {question(key).show(known[key])}" for key in shown if key in known}


def choose_level(front: Front, answers: Answers) -> Level:
    """Ask how much is to be decided."""
    counts = {level: len([item for item in plan(answers, level) if item.key not in answers]) for level in LEVEL_LINES}
    options = tuple(Option(level, line.format(_questions(counts[level]))) for level, line in LEVEL_LINES.items())
    page = Page(
        "How much do you want to decide?",
        "level",
        "choice",
        "guided",
        options,
        ("guided",),
        about=lambda word: _would_choose(answers) if word == "recommended" else (NOTE,),
    )
    while True:
        reply = front.ask(page)
        for level in LEVEL_LINES:
            if level == reply:
                return level
        front.say("Choose recommended, guided or all. This is the first question; Ctrl-C quits.")


NOTE = "What is not asked is decided as recommended; any line can be changed before the file is written."
LEVEL_LINES: dict[Level, str] = {
    "recommended": "{}: the data, all else as recommended",
    "guided": "{}, each with a recommendation and its reason",
    "all": "{}: every choice, every parameter",
}


def _questions(count: int) -> str:
    return f"{count} question" if count == 1 else f"{count} questions"


def _would_choose(answers: Answers) -> tuple[str, ...]:
    """What the recommended answers are, before they are accepted."""
    if missing(answers):
        return (NOTE,)
    full = defaults(answers)
    named = [f"{key.split('.')[-1]} {question(key).show(full[key])}" for key in SUMMARY if key in full]
    return (f"Would choose: {', '.join(named)}.", NOTE)


def _network(answers: Answers) -> str:
    from cnnwiz.decisions.outlook import network_line

    made = draft(answers)
    return f"Network: {network_line(made)}" if made else ""


def checks(spec: Any) -> list[str]:
    """What lint says: the counts, then each finding."""
    from cnnwiz.rules import lint

    findings = lint(spec)
    counts = Counter(finding.severity for finding in findings)
    said = ", ".join(f"{counts[severity]} {word}" for severity, word in (("error", "errors"), ("warning", "warnings")))
    return [f"Checks: {said}", *(f"  {f.severity} {f.code} {f.name}: {f.message}" for f in findings)]


def explanation(item: Question, known: Mapping[str, Any], word: str) -> str:
    """The long text behind `?`: that of `cnnwiz explain`, for an option or else for the question."""
    from cnnwiz.cli.explain import page_of

    option = next((option for option in item.choices(known) if option.value == word), None)
    return "\n" + page_of(option.card if option and option.card else item.key)
