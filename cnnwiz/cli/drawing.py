"""What menus and text fields look like: a page and what the user is doing as lines of styled text."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from cnnwiz.cli.page import LONGEST, Page, Told
from cnnwiz.cli.plain import visible
from cnnwiz.decisions import Option

Piece = tuple[str, str]
"""A style and a text; styles are those of prompt_toolkit."""
Line = list[Piece]
TITLE, FAINT, POINTED, GOOD, BAD = "bold", "fg:ansibrightblack", "fg:ansicyan bold", "fg:ansigreen", "fg:ansired"
KEYS = {
    "choice": "Up/Down move  Enter choose  Esc back  ? explain  Ctrl-C quit",
    "several": "Space mark  Enter go on  Esc back  ? explain  Ctrl-C quit",
    "text": "Enter accept  Esc back  ? explain  Ctrl-C quit",
}
LEAST = 3
"""Lines of a list that are shown however small the terminal."""


@dataclass
class View:
    """A page and what the user is doing with it."""

    page: Page
    pointed: int = 0
    marked: list[str] = field(default_factory=list)
    typed: str = ""
    refusal: str = ""
    told: dict[str, Told] = field(default_factory=dict)
    """What replies lead to, as far as it was asked for."""

    @property
    def reply(self) -> str:
        """What Enter would give now."""
        if self.page.form == "text":
            return self.typed.strip() or self.page.default
        if self.page.form == "several":
            words = [option.value for option in self.page.options if option.value in self.marked]
            return ",".join(words) or "none"
        return self.page.options[self.pointed].value

    def tell(self, reply: str) -> Told:
        """What a reply leads to; asked for once."""
        if reply not in self.told:
            self.told[reply] = self.page.tell(reply)
        return self.told[reply]


def above(view: View, width: int) -> list[Line]:
    """Title and notes."""
    page = view.page
    place = f"[{page.place}]"
    gap = width - len(page.title) - len(place) - 2
    lines: list[Line]
    if gap >= 2:
        lines = [[(TITLE, f"? {page.title}"), (FAINT, " " * gap + place)]]
    else:
        lines = [[(TITLE, text)] for text in wrapped(f"? {page.title}", width, "  ")]
        lines += [[(FAINT, text)] for text in wrapped(f"  {place}", width, "  ")]
    return lines + [[("", text)] for note in page.notes for text in wrapped(f"  {note}", width, "    ")]


def listed(view: View, width: int, room: int) -> list[Line]:
    """At most `room` (and at most LONGEST) lines of the options around the one that is pointed at."""
    options = view.page.options
    shown = max(min(room, LONGEST, len(options)), 1)
    start = min(max(view.pointed - shown // 2, 0), len(options) - shown)
    column = max(len(option.value) for option in options)
    lines = [_option(view, index, column, width) for index in range(start, start + shown)]
    hidden = [(start, "above"), (len(options) - start - shown, "below")]
    rest = ", ".join(f"{count} more {where}" for count, where in hidden if count)
    return [*lines, [(FAINT, f"   {rest}")]] if rest else lines


def below(view: View, width: int, room: int) -> list[Line]:
    """What is known about the option pointed at, what the reply leads to, and the keys; at most `room` lines."""
    page, told = view.page, view.tell(view.reply)
    if page.form == "several" and page.options[view.pointed].value not in view.marked:
        told = told._replace(refusal="")
    lines: list[Line] = []
    refusal = view.refusal or (told.refusal if page.form == "choice" else "")
    if refusal:
        lines += [[(BAD, text)] for text in wrapped(f"  ! {refusal}", width, "    ")]
    sentences = [] if page.form == "text" else [*page.about(page.options[view.pointed].value)]
    sentences += told.lines
    keys = [[(FAINT, text)] for text in wrapped(f" {KEYS[page.form]}", width, " ")]
    body = [[[("", text)] for text in wrapped(f"  {sentence}", width, "    ")] for sentence in sentences]
    free = room - len(lines) - len(keys) - 1
    while body and sum(map(len, body)) > free:  # the long text tells them
        body.pop(len(body) // 2)
    return [*lines, *(line for lines in body for line in lines), [("", "")], *keys]


def _option(view: View, index: int, column: int, width: int) -> Line:
    """One option on one line: what it is as far as a whole clause fits, and what would be said about it."""
    page, option = view.page, view.page.options[index]
    known = view.told.get(option.value) if page.form == "choice" else None
    refusal = option.unavailable or (known.refusal if known else "")
    name = _name(view, index, column, bool(refusal))
    mark = _mark(option, known, option.value in page.recommended)
    if len(name) + len(mark) + 2 > width:  # the pointer, or the text below, says it
        mark = ""
    rest = clause(refusal or option.line, width - len(name) - len(mark) - 6)
    quiet = FAINT if refusal else ""
    pieces: Line = [(POINTED if index == view.pointed else quiet, name if mark or rest else name.rstrip())]
    if mark:
        pieces.append((GOOD if mark == "recommended" else quiet or BAD, f"  {mark}"))
    if rest:
        pieces.append((quiet, f"  {rest}"))
    return pieces


def _name(view: View, index: int, column: int, refused: bool) -> str:
    """An option's pointer, box and value, `column` wide."""
    page, value = view.page, view.page.options[index].value
    pointer = ">" if index == view.pointed else "x" if refused and page.form == "choice" else " "
    box = ""
    if page.form == "several":
        box = "[x] " if value in view.marked else "[ ] "
    return f" {pointer} {box}{visible(value):<{column}}"


def _mark(option: Option, known: Told | None, recommended: bool) -> str:
    """What stands behind an option's name: what choosing it would lead to, or that it is recommended."""
    if option.unavailable:
        return "cannot be chosen"
    return (known.mark if known else "") or ("recommended" if recommended else "")


def clause(text: str, room: int) -> str:
    """As many whole clauses from the start of a text as fit; nothing where not even the first does."""
    text = visible(text)
    if len(text) <= room:
        return text
    if room <= 0:
        return ""
    for marks in ((". ", "; ", ": "), (", ",)):  # a clause may be part of a formula, a sentence is not
        if ends := [place for mark in marks if (place := text.rfind(mark, 0, room)) > 0]:
            return text[: max(ends)]
    return ""


def wrapped(line: str, width: int, hanging: str) -> list[str]:
    """A line in pieces of at most `width`, later ones indented by `hanging`; control characters made visible."""
    first = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        visible(line.lstrip()), max(width, 20), initial_indent=first, subsequent_indent=hanging, break_on_hyphens=False
    ) or [""]
