"""Sections as one HTML page that needs nothing else: style and pictures are inside, scripts there are none."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element

from cnnwiz import __version__
from cnnwiz.report import blocks as b
from cnnwiz.report.markup import add, element, written

GENERATOR = f"cnnwiz {__version__}"
SHADES = 10
SMALL = 96
"""Pixels up to which a picture is enlarged with its pixels showing."""


def page(title: str, about: str, head: b.Section, sections: Sequence[b.Section]) -> str:
    """The page: a heading with the numbers that matter, a list of contents, and the sections."""
    items = (element("li", element("a", section.title, href=f"#{section.id}")) for section in sections)
    header = element(
        "header",
        element("p", about, class_="kicker"),
        element("h1", title),
        element("p", head.lead, class_="lead"),
        *map(_block, head.blocks),
    )
    made_by = element("p", f"Made by {GENERATOR}. This file is complete: it loads nothing and runs nothing.")
    body = element(
        "body",
        element("a", "Skip to the results", href="#results", class_="skip"),
        element("nav", element("p", "Contents", class_="kicker"), element("ul", *items), aria_label="Contents"),
        element("main", header, *map(_section, sections), element("footer", made_by), id="results"),
    )
    return "<!DOCTYPE html>\n" + written(element("html", _head(title), body, lang="en")) + "\n"


def _head(title: str) -> Element:
    """Encoding, the style, and a policy that lets the page load and run nothing."""
    style = files("cnnwiz.report").joinpath("report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    sheet = element("style")
    sheet.text = style
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=GENERATOR),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        sheet,
    )


def _section(section: b.Section) -> Element:
    heading = element("h2", section.title, id=f"{section.id}-title")
    lead = element("p", section.lead, class_="lead") if section.lead else None
    blocks = map(_block, section.blocks)
    return element("section", heading, lead, *blocks, id=section.id, aria_labelledby=f"{section.id}-title")


def _block(block: b.Block) -> Element:
    match block:
        case b.Text():
            return _words("p", block.words, block.tone)
        case b.Tiles():
            return element("dl", *map(_tile, block.tiles), class_="tiles")
        case b.Facts():
            rows = (element("div", element("dt", name), _words("dd", (value,))) for name, value in block.rows)
            return element("dl", *rows, class_="facts")
        case b.Table():
            return _table(block)
        case b.Figure():
            return _figure(block)
        case b.Gallery():
            return element("div", *map(_card, block.cards), class_="gallery")
        case b.Entries():
            return element("div", *map(_entry, block.entries), class_="entries")
        case b.Listing():
            return element("pre", element("code", block.text), tabindex=0)
        case b.Columns():
            return element("div", *map(_column, block.columns), class_="columns wide" if block.wide else "columns")
        case b.Fold():
            return element("details", element("summary", block.title), *map(_block, block.blocks))


def _words(tag: str, words: b.Words, tone: str = "") -> Element:
    made = element(tag, class_=tone or None)
    for word in words:
        add(made, element("code", word.text) if isinstance(word, b.Mono) else word)
    return made


def _tile(tile: b.Tile) -> Element:
    note = element("dd", tile.note, class_="note") if tile.note else None
    return element("div", element("dt", tile.label), element("dd", tile.value), note)


def _column(column: b.Column) -> Element:
    title = element("h3", column.title) if column.title else None
    return element("div", title, *map(_block, column.blocks))


def _entry(entry: b.Entry) -> Element:
    key, value = element("code", entry.key, class_="key"), element("code", entry.value, class_="value")
    texts = (_labelled(label, words) for label, words in entry.texts)
    closer = element("details", element("summary", entry.closer), *map(_block, entry.behind)) if entry.behind else None
    return element("div", element("h3", key, value), element("div", *texts, closer), class_="entry")


def _labelled(label: str, words: b.Words) -> Element:
    made = _words("p", words)
    if label:
        bold = element("b", label)
        bold.tail, made.text = f" {made.text or ''}", None
        made.insert(0, bold)
    return made


def _card(card: b.Card) -> Element:
    pictures = (
        element("img", src=picture.uri, alt=picture.alt, class_="small" if picture.side <= SMALL else None)
        for picture in card.pictures
    )
    lines = (_words("p", (line,)) for line in card.lines)
    return element("div", element("div", *pictures, class_="pair"), element("h3", card.heading), *lines)


def _figure(figure: b.Figure) -> Element:
    legend = (
        element("span", element("svg", _swatch(style), viewBox="0 0 28 12", aria_hidden="true"), name)
        for name, style in figure.legend
    )
    names = element("div", *legend, class_="legend") if figure.legend else None
    figure.chart.set("role", "img")
    figure.chart.set("aria-label", f"{figure.title}. {figure.says}")
    return element("figure", element("figcaption", element("b", figure.title), names), figure.chart)


def _swatch(style: str) -> Element:
    return element("path", d="M1 6H27", class_=style)


def _table(table: b.Table) -> Element:
    kind = ["number" if index in table.numbers else None for index in range(len(table.header))]
    head = (
        element("th", element("span", name), scope="col", class_=kind[index]) for index, name in enumerate(table.header)
    )
    rows = (
        element("tr", *(_cell(cell, index == 0, kind[index]) for index, cell in enumerate(row))) for row in table.rows
    )
    made = element(
        "table",
        element("caption", element("span", table.caption)),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
        class_=table.kind or None,
    )
    # Wider than the page it scrolls by itself, also with the keyboard.
    return element("div", made, class_="scroll", tabindex=0, role="region", aria_label=table.caption)


def _cell(cell: b.Cell, names: bool, kind: str | None) -> Element:
    if names:
        made = _words("th", (cell if isinstance(cell, (str, b.Mono)) else str(cell),))
        made.set("scope", "row")
        return made
    match cell:
        case b.Heat():
            level = min(int(math.sqrt(cell.share) * SHADES), SHADES - 1)  # so that a few mistakes are seen
            shade = f"{'hit' if cell.hit else 'miss'}{level}" if cell.count else "zero"
            return element("td", str(cell.count), class_=shade)
        case b.Share():
            return element("td", cell.text, _bar(cell.value), class_=kind)
        case b.Interval():
            return element("td", f"{100 * cell.value:.1f} %", _whisker(cell), class_=kind)
    made = _words("td", (cell,))
    if kind:
        made.set("class", kind)
    return made


def _bar(value: float) -> Element:
    filled = element("rect", width=max(value, 0.0) * 100, height=8, y=2, class_="f0")
    return element("svg", element("rect", width=100, height=8, y=2, class_="f0 soft"), filled, **_TINY)


def _whisker(cell: b.Interval) -> Element:
    low, value, high = (
        100 * (share - cell.start) / (cell.end - cell.start) for share in (cell.low, cell.value, cell.high)
    )
    return element(
        "svg",
        element("path", d="M0 6H100", class_="grid"),
        element("path", d=f"M{low:.1f} 6H{high:.1f}", class_="whisker s0"),
        element("circle", cx=value, cy=6.0, r=4, class_="f0"),
        **_TINY,
    )


_TINY: dict[str, str] = {"viewBox": "0 0 100 12", "aria_hidden": "true"}
