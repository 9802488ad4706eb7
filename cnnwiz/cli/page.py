"""A question as it is put to a person, and what a kind of terminal must be able to do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple, Protocol

from cnnwiz.decisions import Option

LONGEST = 9
"""Lines a list shows at once."""


class Signal(Enum):
    """What a user can reply instead of an answer."""

    BACK = ":back"


class Help(NamedTuple):
    """The reply that asks for the long text about an option, or about the question where there is no word."""

    word: str = ""


class Told(NamedTuple):
    """What a reply would lead to: why it is refused, else sentences about it; `mark` is for lists: "raises CNN201"."""

    refusal: str = ""
    lines: tuple[str, ...] = ()
    mark: str = ""


def _nothing(reply: str) -> Told:
    return Told()


def _no_lines(word: str) -> tuple[str, ...]:
    return ()


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
    about: Callable[[str], tuple[str, ...]] = _no_lines
    """Sentences about an option, by its word: what it is, why it is recommended, what was measured."""
    tell: Callable[[str], Told] = _nothing
    """What a reply leads to; cheap enough to be asked while the user moves about."""

    @property
    def live(self) -> tuple[Option, ...]:
        """The options that can be taken."""
        return tuple(option for option in self.options if not option.unavailable)


class Front(Protocol):
    """What a kind of terminal has to do. Ctrl-C, Ctrl-D, :quit and the end of input raise KeyboardInterrupt."""

    def ask(self, page: Page) -> str | Signal | Help:
        """Put the question and return what was typed or chosen (words joined by commas)."""
        ...

    def say(self, text: str) -> None:
        """Show sentences, wrapped to the terminal."""
        ...

    def show(self, text: str) -> None:
        """Show a file or a command as it is."""
        ...

    def progress(self, text: str) -> None:
        """Show how far something has come, in place of what was shown so before; nothing, to take it away."""
        ...


def command_in(text: str) -> str | Signal | Help:
    """A typed line, or what `?`, :help, :help WORD and :back stand for; :quit raises KeyboardInterrupt."""
    word, _, rest = text.strip().partition(" ")
    if word.lower() == ":quit":
        raise KeyboardInterrupt
    if word.lower() in ("?", ":help"):
        return Help(rest.strip())
    return Signal.BACK if word.lower() == ":back" else text
