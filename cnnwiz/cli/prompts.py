"""Questions as menus and text fields in a terminal. The only module that knows questionary and prompt_toolkit."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import Any

from cnnwiz.cli.dialogue import Page, Signal, command_in
from cnnwiz.cli.plain import visible

KEYS = "Enter choose, Esc back, ? explain, Ctrl-C quit"
KEYS_SEVERAL = "Space mark, Enter go on, Esc back, ? explain, Ctrl-C quit"
KEYS_TEXT = "Enter accept, Esc back, ? explain, Ctrl-C quit"
REACTION = 0.05
"""Seconds to wait after Escape for the rest of an arrow key's sequence; the library's half second feels broken."""


class Prompts:
    """A front end that draws on stderr, so that stdout stays free for results.

    With `inside_session` it draws where the surrounding prompt_toolkit session says, as tests want it.
    """

    def __init__(self, inside_session: bool = False) -> None:
        self.inside_session = inside_session

    def say(self, text: str) -> None:
        """Print sentences, wrapped to the terminal."""
        self.show("\n".join(piece for line in text.splitlines() for piece in _wrap(line, "  ")))

    def show(self, text: str) -> None:
        """Print text as it is."""
        sys.stderr.write(visible(text) + "\n")

    def ask(self, page: Page) -> str | Signal:
        """Draw the question, wait for the answer, and take the question off the screen."""
        from prompt_toolkit.application import create_app_session
        from prompt_toolkit.output import create_output

        if self.inside_session:
            return self._run(page)
        with create_app_session(output=create_output(stdout=sys.stderr)):
            return self._run(page)

    def _run(self, page: Page) -> str | Signal:
        from prompt_toolkit.key_binding import merge_key_bindings

        prompt = {"choice": _menu, "several": _marks, "text": _field}[page.form](page)
        app = prompt.application
        app.key_bindings = merge_key_bindings([app.key_bindings, _keys(page)])
        app.ttimeoutlen = app.timeoutlen = REACTION
        app.erase_when_done = True
        reply = prompt.unsafe_ask()
        if isinstance(reply, Signal):
            return reply
        if page.form == "text":
            return command_in(reply.strip() or page.default)
        return ",".join(reply) or "none" if isinstance(reply, list) else reply


def _keys(page: Page) -> Any:
    """Escape and Shift-Tab go back, Ctrl-D quits as Ctrl-C does, ? explains (in a field while it is empty)."""
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("escape", eager=True)
    @keys.add("s-tab", eager=True)
    def _(event: Any) -> None:
        event.app.exit(result=Signal.BACK)

    @keys.add("c-d", eager=True)
    def _(event: Any) -> None:
        event.app.exit(exception=KeyboardInterrupt)

    @Condition
    def no_text() -> bool:
        from prompt_toolkit.application import get_app

        return page.form != "text" or not get_app().current_buffer.text

    @keys.add("?", eager=True, filter=no_text)
    def _(event: Any) -> None:
        event.app.exit(result=Signal.HELP)

    return keys


def _menu(page: Page) -> Any:
    import questionary

    live = [option.value for option in page.options if not option.unavailable]
    return questionary.select(
        _message(page),
        choices=_choices(page, ()),
        default=page.default if page.default in live else live[0],
        instruction=" ",
        use_jk_keys=False,
    )


def _marks(page: Page) -> Any:
    import questionary

    return questionary.checkbox(
        _message(page), choices=_choices(page, tuple(page.default.split(","))), instruction=" ", use_jk_keys=False
    )


def _field(page: Page) -> Any:
    import questionary

    return questionary.text(f"{_message(page)}\n  [{page.default}] >", default=page.typed)


def _message(page: Page) -> str:
    """Title and notes, each wrapped, as one message above the options or the field."""
    keys = {"choice": KEYS, "several": KEYS_SEVERAL, "text": KEYS_TEXT}[page.form]
    lines = [f"{page.title} [{page.place}]", *page.notes, keys]
    return "\n  ".join(piece for line in lines for piece in _wrap(line, "  ", indent=4))


def _choices(page: Page, marked: tuple[str, ...]) -> list[Any]:
    """One line for each option, cut to the terminal; the whole text stands below the list for the one pointed at."""
    import questionary

    room = _columns() - 8
    width = max(len(option.value) for option in page.options)
    made = []
    for option in page.options:
        mark = "recommended: " if option.value in page.recommended else ""
        title = f"{option.value:<{width}}  {mark}{option.line}"
        first, *rest = (option.card or option.line or " ").splitlines()
        pieces = [*_wrap(first, "  ", len("  Description: ")), *(piece for line in rest for piece in _wrap(line, "  "))]
        made.append(
            questionary.Choice(
                title if len(title) <= room else title[: room - 3] + "...",
                value=option.value,
                disabled=option.unavailable,
                checked=option.value in marked,
                description="\n  ".join(pieces) if option.card or len(title) > room else None,
            )
        )
    return made


def _wrap(line: str, hanging: str, indent: int = 0) -> list[str]:
    """A line in pieces that fit the terminal, later pieces indented, control characters made visible."""
    before = " " * (len(line) - len(line.lstrip()))
    width = max(_columns() - 2 - indent, 20)
    return textwrap.wrap(visible(line), width, subsequent_indent=before + hanging, break_on_hyphens=False) or [""]


def _columns() -> int:
    return shutil.get_terminal_size((80, 24)).columns
