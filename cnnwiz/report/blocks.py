"""What the sections of a report consist of, as data; `html.py` and `markdown.py` know how each looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class Mono:
    """Something that is written in files or on the command line."""

    text: str


@dataclass(frozen=True)
class Share:
    """A share of 0 to 1 as text and as a bar."""

    value: float
    text: str


@dataclass(frozen=True)
class Interval:
    """A share with its 95 % interval, all of 0 to 1, as text and as a dot on a line from `start` to `end`."""

    value: float
    low: float
    high: float
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Heat:
    """A count in a matrix, shaded by its share of its row; `hit` where a high count is good."""

    count: int
    share: float
    hit: bool


Cell = str | Mono | Share | Interval | Heat
Words = tuple[str | Mono, ...]


def marked(text: str) -> Words:
    """Words with what stands in `backticks` as Mono."""
    return tuple(Mono(part) if place % 2 else part for place, part in enumerate(text.split("`")) if part)


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    words: Words
    tone: str = ""
    """"quiet" for remarks, "warning" for what the reader must not miss."""


@dataclass(frozen=True)
class Tile:
    """One number that matters: what it is, the number, and its conditions."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Tiles:
    """The numbers that matter most."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Facts:
    """Names and values, a line each."""

    rows: tuple[tuple[str, str | Mono], ...]


@dataclass(frozen=True)
class Table:
    """Rows under a header. The first cell of a row names it; `numbers` are the columns aligned to the right."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int] = frozenset()
    kind: str = ""
    """"matrix" for narrow cells with turned headings."""


@dataclass(frozen=True)
class Figure:
    """A chart. `says` tells in words what it shows; `legend` is (name, number of its colour)."""

    title: str
    chart: Element
    says: str
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Picture:
    """An image as a data URI, what it shows in words, and its side in pixels."""

    uri: str
    alt: str
    side: int


@dataclass(frozen=True)
class Card:
    """Pictures of one thing, a heading and a few lines."""

    pictures: tuple[Picture, ...]
    heading: str
    lines: tuple[str | Mono, ...]


@dataclass(frozen=True)
class Gallery:
    """Cards, as many in a row as fit."""

    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Entry:
    """Something decided: its key, its value, labelled texts, and what stands behind it when one looks closer."""

    key: str
    value: str
    texts: tuple[tuple[str, Words], ...]
    closer: str = ""
    behind: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Entries:
    """Decisions, one below the other."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Listing:
    """Text of a file or a command, as it is."""

    text: str


@dataclass(frozen=True)
class Column:
    """One of several things side by side."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Columns:
    """Things side by side, as many as fit: small charts, or the same for several runs."""

    columns: tuple[Column, ...]
    wide: bool = False
    """Whether each needs half of a wide page."""


@dataclass(frozen=True)
class Fold:
    """Blocks that one opens to see."""

    title: str
    blocks: tuple[Block, ...]


Block = Text | Tiles | Facts | Table | Figure | Gallery | Entries | Listing | Columns | Fold


def beside(columns: tuple[Column, ...]) -> tuple[Block, ...]:
    """Things side by side; the blocks of one alone, which needs no title; nothing for none."""
    if len(columns) > 1:
        return (Columns(columns, wide=True),)
    return columns[0].blocks if columns else ()


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading and one sentence about it. Without blocks it is left out."""

    id: str
    title: str
    lead: str
    blocks: tuple[Block, ...] = field(default=())
