"""Sections as Markdown, for issues and notes: the same words and tables, charts as a sentence, no pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cnnwiz import __version__
from cnnwiz.report import blocks as b
from cnnwiz.text import visible

GENERATOR = f"cnnwiz {__version__}"


def page(title: str, about: str, head: b.Section, sections: Sequence[b.Section]) -> str:
    """The page as Markdown (tables as on GitHub)."""
    parts = [f"<!-- {GENERATOR} -->", f"# {plain(title)}", plain(about), plain(head.lead), *_all(head.blocks)]
    for section in sections:
        parts += [f"## {plain(section.title)}", *([plain(section.lead)] if section.lead else []), *_all(section.blocks)]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no name from outside becomes markup."""
    line = " ".join(visible(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~!#])", r"\\\1", line)
    line = re.sub(r"^(?=[-+=])", r"\\", line)
    line = re.sub(r"^(\d+)([.)])(?= |$)", r"\1\\\2", line)
    return line.replace("://", ":\u200b//").replace("www.", "www\u200b.").replace("@", "@\u200b")  # no links either


def code(text: str) -> str:
    """Text in backticks, more of them than it holds in a row."""
    line = " ".join(visible(text).split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {line} {ticks}" if longest else f"{ticks}{line}{ticks}"


def _all(blocks: Sequence[b.Block]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block)


def _block(block: b.Block) -> Iterator[str]:
    match block:
        case b.Text():
            yield ("**Note:** " if block.tone == "warning" else "") + _words(block.words)
        case b.Tiles():
            rows = (f"| {plain(tile.label)} | {plain(tile.value)} | {plain(tile.note)} |" for tile in block.tiles)
            yield "\n".join(("| | | |", "| --- | ---: | --- |", *rows))
        case b.Facts():
            yield "\n".join(f"- {plain(name)}: {_words((value,))}" for name, value in block.rows)
        case b.Table():
            yield from _table(block)
        case b.Figure():
            yield f"**{plain(block.title)}**: {plain(block.says)}"
        case b.Gallery():
            yield "\n".join(f"- {_card(card)}" for card in block.cards)
        case b.Entries():
            yield "\n".join(line for entry in block.entries for line in _entry(entry))
        case b.Listing():
            yield _fenced(block.text)
        case b.Columns():
            for column in block.columns:
                yield from [f"### {plain(column.title)}"] if column.title else []
                yield from _all(column.blocks)
        case b.Fold():
            yield f"### {plain(block.title)}"
            yield from _all(block.blocks)


def _words(words: b.Words) -> str:
    return "".join(code(word.text) if isinstance(word, b.Mono) else _spaced(word) for word in words)


def _spaced(text: str) -> str:
    """Plain text that keeps the blank at its ends, which stands between it and its neighbours."""
    return (" " if text[:1] == " " else "") + plain(text) + (" " if text[-1:] == " " else "")


def _table(table: b.Table) -> Iterator[str]:
    if table.caption:
        yield plain(table.caption)
    rule = ("---:" if index in table.numbers else "---" for index in range(len(table.header)))
    lines = [_row(plain(name) for name in table.header), _row(rule)]
    lines += [_row(_cell(cell) for cell in row) for row in table.rows]
    yield "\n".join(lines)


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: b.Cell) -> str:
    match cell:
        case b.Heat():
            return str(cell.count)
        case b.Share():
            return plain(cell.text)
        case b.Interval():
            return f"{100 * cell.value:.1f} % ({100 * cell.low:.1f} to {100 * cell.high:.1f})"
    return _words((cell,)).replace("|", "\\|") if isinstance(cell, b.Mono) else plain(cell)


def _card(card: b.Card) -> str:
    return "; ".join((f"**{plain(card.heading)}**", *(_words((line,)) for line in card.lines)))


def _entry(entry: b.Entry) -> Iterator[str]:
    yield f"- {code(entry.key)}: {code(entry.value)}"
    for label, text in entry.texts:
        yield f"  - {plain(label)} {_words(text)}" if label else f"  - {_words(text)}"


def _fenced(text: str) -> str:
    text = visible(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip()}\n{fence}"
