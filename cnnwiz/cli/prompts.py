"""Questions as menus and text fields in a terminal. The only module that knows prompt_toolkit."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnwiz.cli.drawing import LEAST, Line, View, above, below, listed, wrapped
from cnnwiz.cli.page import Help, Page, Signal, command_in
from cnnwiz.cli.plain import draw_over, visible

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.layout import Layout

REACTION = 0.05
"""Seconds to wait after Escape for the rest of an arrow key's sequence; the library's half second feels broken."""


class Prompts:
    """A front end that draws on stderr, so that stdout stays free for results.

    With `inside_session` it draws where the surrounding prompt_toolkit session says, as tests want it.
    """

    def __init__(self, inside_session: bool = False, colour: bool = True) -> None:
        self.inside_session = inside_session
        self.colour = colour

    def say(self, text: str) -> None:
        """Print sentences, wrapped to the terminal."""
        width = shutil.get_terminal_size((80, 24)).columns - 1
        self.show("\n".join(piece for line in text.splitlines() for piece in wrapped(line, width, _hanging(line))))

    def show(self, text: str) -> None:
        """Print text as it is."""
        sys.stderr.write(visible(text) + "\n")

    def progress(self, text: str) -> None:
        """Draw over the line that is being written."""
        draw_over(text)

    def ask(self, page: Page) -> str | Signal | Help:
        """Draw the question, wait for the answer, and take the question off the screen."""
        from prompt_toolkit.application import create_app_session
        from prompt_toolkit.output import create_output

        if self.inside_session:
            return self._run(page)
        with create_app_session(output=create_output(stdout=sys.stderr)):
            return self._run(page)

    def _run(self, page: Page) -> str | Signal | Help:
        from prompt_toolkit.application import Application
        from prompt_toolkit.buffer import Buffer
        from prompt_toolkit.output import ColorDepth

        view = View(page, typed=page.typed)
        live = [option.value for option in page.live]
        values = [option.value for option in page.options]
        if page.form == "choice":
            view.pointed = values.index(page.default if page.default in live else live[0])
        if page.form == "several":
            view.marked = [word for word in page.default.split(",") if word in values]
        field = Buffer(multiline=False, on_text_changed=lambda buffer: _typed(view, buffer.text))
        field.text = page.typed
        field.cursor_position = len(page.typed)
        app: Application[str | Signal | Help] = Application(
            layout=_layout(view, field),
            key_bindings=_keys(view),
            color_depth=None if self.colour else ColorDepth.DEPTH_1_BIT,
            erase_when_done=True,
        )
        app.ttimeoutlen = app.timeoutlen = REACTION
        reply = app.run(pre_run=lambda: _look_ahead(app, view))
        return command_in(reply) if isinstance(reply, str) and page.form == "text" else reply


def _look_ahead(app: Any, view: View) -> None:
    """Find out what each option leads to while the user reads, one after the other, and show it in the list."""

    async def look() -> None:
        for option in view.page.options if view.page.form == "choice" else ():
            await asyncio.sleep(0.01)  # keys come first
            if not option.unavailable and option.value not in view.told and view.tell(option.value).mark:
                app.invalidate()

    app.create_background_task(look())


def _layout(view: View, field: Any) -> Layout:
    """Title and notes; the list or the field; what is known about it."""
    from prompt_toolkit.application import get_app
    from prompt_toolkit.layout import BufferControl, FormattedTextControl, HSplit, Layout, Window
    from prompt_toolkit.layout.processors import BeforeInput

    def size() -> tuple[int, int]:
        shown = get_app().output.get_size()
        return max(shown.columns - 1, 20), shown.rows - 1

    def head() -> list[tuple[str, str]]:
        return _joined(above(view, size()[0]))

    def options() -> list[tuple[str, str]]:
        width, rows = size()
        return _joined(listed(view, width, _room(view, width, rows)))

    def rest() -> list[tuple[str, str]]:
        width, rows = size()
        taken = len(above(view, width))
        taken += 1 if view.page.form == "text" else len(listed(view, width, _room(view, width, rows)))
        return _joined(below(view, width, rows - taken))

    def text(content: Callable[[], Any]) -> Window:
        shown = FormattedTextControl(content, show_cursor=False)
        return Window(shown, dont_extend_height=True, always_hide_cursor=True)

    if view.page.form == "text":
        prompt = f"  [{visible(view.page.default)}] > " if view.page.default else "  > "
        entry = Window(BufferControl(field, [BeforeInput(prompt)]), dont_extend_height=True, height=1)
        return Layout(HSplit([text(head), entry, text(rest)]), focused_element=entry)
    return Layout(HSplit([text(head), text(options), text(rest)]))


def _room(view: View, width: int, rows: int) -> int:
    """Lines the list may take so that everything fits: what is known comes first, but LEAST options are there."""
    return max(rows - len(above(view, width)) - len(below(view, width, rows)) - 1, LEAST)


def _keys(view: View) -> KeyBindings:
    """What each key does: move, mark, accept; back, explain and quit are the same everywhere."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()
    page = view.page

    def on(*names: str, when: Callable[[], bool] = lambda: True) -> Callable[[Callable[[Any], None]], Any]:
        from prompt_toolkit.filters import Condition

        def bind(action: Callable[[Any], None]) -> None:
            for name in names:
                keys.add(name, eager=True, filter=Condition(when))(action)

        return bind

    on("escape", "s-tab")(lambda event: event.app.exit(result=Signal.BACK))
    on("c-c", "c-d")(lambda event: event.app.exit(exception=KeyboardInterrupt))
    on("enter")(lambda event: _accept(view, event.app))
    if page.form == "text":
        on("?", when=lambda: not view.typed)(lambda event: event.app.exit(result=Help()))
        return keys
    last = len(page.options) - 1
    on("?")(lambda event: event.app.exit(result=Help(page.options[view.pointed].value)))
    on("up", "c-p")(lambda event: _point(view, view.pointed - 1 if view.pointed else last))
    on("down", "c-n")(lambda event: _point(view, view.pointed + 1 if view.pointed < last else 0))
    on("home", "pageup")(lambda event: _point(view, 0))
    on("end", "pagedown")(lambda event: _point(view, last))
    for digit in range(1, min(last + 1, 9) + 1):
        on(str(digit))(lambda event, index=digit - 1: _point(view, index))
    if page.form == "several":
        on("space")(lambda event: _mark(view))
    return keys


def _accept(view: View, app: Any) -> None:
    """Take the reply, or say below it why it cannot be taken and leave it there for mending."""
    reply = view.typed.strip() if view.page.form == "text" and view.typed.strip() else view.reply
    is_word = view.page.form == "text" and reply.startswith(":")
    option = next((option for option in view.page.options if option.value == reply), None)
    refusal = "" if is_word else (option.unavailable if option else "") or view.tell(reply).refusal
    if refusal:
        view.refusal = f"cannot be chosen: {refusal}" if option else refusal
        return
    app.exit(result=reply)


def _point(view: View, index: int) -> None:
    view.pointed, view.refusal = index, ""


def _typed(view: View, text: str) -> None:
    view.typed, view.refusal = text, ""


def _mark(view: View) -> None:
    """Mark the option pointed at, or take the mark away; what is not available cannot be marked."""
    option = view.page.options[view.pointed]
    view.refusal = ""
    if option.value in view.marked:
        view.marked.remove(option.value)
    elif option.unavailable:
        view.refusal = f"{option.value} cannot be chosen: {option.unavailable}"
    else:
        view.marked.append(option.value)


def _joined(lines: list[Line]) -> list[tuple[str, str]]:
    """Lines as prompt_toolkit takes them."""
    pieces = [piece for line in lines for piece in [*line, ("", "\n")]]
    return pieces[:-1]


def _hanging(line: str) -> str:
    return " " * (len(line) - len(line.lstrip()) + 2)
