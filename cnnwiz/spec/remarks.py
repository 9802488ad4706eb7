"""The remarks of a document: what its comments say, each at the key or list entry that it stands behind or above."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from cnnwiz.spec.file import Document
from cnnwiz.spec.finding import Path, Span
from cnnwiz.spec.reader import Node

_SIGN = re.compile(r"(?:^|(?<=[ \t]))#")
_ORDER = re.compile(r"cnnwiz:\s*ignore|yaml-language-server:")


def remarks(document: Document) -> dict[Path, str]:
    """Place to remark. A comment belongs to the outermost value that begins on its line; one that has its line to
    itself to the next line, if that is not empty. Comments that silence findings are none."""
    if document.root is None:
        return {}
    places: dict[int, Path] = {}
    texts: list[Span] = []
    for path, span, is_text in _spans(document.root, ()):
        if is_text:
            texts.append(span)
        else:
            places.setdefault(span.line, path)
    texts.sort(key=lambda span: span.start)
    found: dict[Path, str] = {}
    above: list[str] = []
    offset = 0
    for number, line in enumerate(document.text.splitlines(keepends=True), 1):
        comment = _comment(line, offset, texts)
        offset += len(line)
        if number not in places:
            alone = comment is not None and line.lstrip().startswith("#")
            above = [*above, comment] if alone and comment is not None else []
            continue
        said = " ".join(part for part in [*above, comment or ""] if part and not _ORDER.match(part))
        if said:
            found[places[number]] = said
        above = []
    return found


def _spans(node: Node, path: Path) -> Iterator[tuple[Path, Span, bool]]:
    """(path, span, whether this is text that may hold a #) of every key, entry and scalar, parents first."""
    if node.kind == "mapping":
        for key, value in node.value.items():
            yield (*path, key), node.keys[key], False
            yield (*path, key), node.keys[key], True
            yield from _spans(value, (*path, key))
    elif node.kind == "list":
        for index, item in enumerate(node.value):
            yield (*path, index), item.span, False
            yield from _spans(item, (*path, index))
    else:
        yield path, node.span, True


def _comment(line: str, offset: int, texts: list[Span]) -> str | None:
    """The comment of a line that begins at `offset`: the first # behind a blank that is not inside a text."""
    for found in _SIGN.finditer(line):
        place = offset + found.start()
        before = bisect_right(texts, place, key=lambda span: span.start) - 1
        if before < 0 or texts[before].end <= place:
            return line[found.end() :].strip()
    return None
