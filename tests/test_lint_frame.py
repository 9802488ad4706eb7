"""Frames: the caret stands below the token, whatever the line holds; nothing reaches the terminal raw."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnwiz.cli.frame import WIDTH, columns, concise, display, frame, headline, line_at
from cnnwiz.rules import check
from cnnwiz.spec import Finding, Span, parse_text
from cnnwiz.spec.file import Document

LINES = st.text(st.characters(exclude_characters="\n\r"), max_size=80)
TOKENS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)


def cells(text: str) -> int:
    """Width in a terminal, character by character, written independently of `columns`."""
    width = 0
    for char in text:
        if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
            continue
        width += 1 + (unicodedata.east_asian_width(char) in {"W", "F"})
    return width


def document_of(text: str, name: str = "spec.yaml") -> Document:
    return Document(name, text, None, None, ())


def finding_at(text: str, start: int, end: int) -> Finding:
    line = text.count("\n", 0, start) + 1
    return Finding("CNN201", "some-rule", "error", "a message", (), Span(start, end, line, 1, line, 2))


@given(LINES, TOKENS, LINES, st.sampled_from(["\n", "\r\n"]))
def test_requirement_22_carets_stand_below_the_token(before: str, token: str, after: str, newline: str) -> None:
    text = f"first{newline}{before}{token}{after}{newline}last"
    start = len(f"first{newline}{before}")
    shown = frame(finding_at(text, start, start + len(token)), document_of(text)).split("\n")
    source, carets = shown[-3], shown[-2]
    column = carets.index("^")
    count = carets.count("^")
    assert carets.strip(" |") == "^" * count
    # Walk the source line cell by cell up to the caret: what stands there is the token.
    position, rest = 0, source
    while rest and position < column:
        position += cells(rest[0])
        rest = rest[1:]
    while rest and cells(rest[0]) == 0 and rest[0] != token[0]:
        rest = rest[1:]
    assert position == column
    assert rest.startswith(token)
    assert count == max(cells(token), 1)


@given(LINES)
def test_display_keeps_tab_stops_and_shows_controls(line: str) -> None:
    shown = display(line)
    assert not any(unicodedata.category(char) == "Cc" for char in shown)
    assert columns(shown) == cells(shown)
    if "\t" not in line and line.isprintable():
        assert shown == line


@given(st.text(st.sampled_from("ab\r\n"), max_size=20), st.integers(0, 25))
def test_line_at_agrees_with_splitlines(text: str, index: int) -> None:
    start, line = line_at(text, index)
    assert text[start : start + len(line)] == line
    assert not set(line) & {"\r", "\n"}
    assert start == 0 or text[start - 1] in "\r\n"
    assert start + len(line) == len(text) or text[start + len(line)] in "\r\n"
    assert start <= min(index, len(text)) <= start + len(line) + 2


def test_tabs_move_to_the_next_stop() -> None:
    assert display("a\tb\tc") == "a   b   c"
    assert display("\t\tx") == "        x"


@pytest.mark.parametrize("column", [0, 70, 80, 500])
def test_long_lines_are_cut_around_the_token(column: int) -> None:
    text = "x" * column + "TOKEN" + "y" * 400
    shown = frame(finding_at(text, column, column + 5), document_of(text)).split("\n")
    source, carets = shown[-3], shown[-2]
    assert len(source) <= WIDTH + 4
    place = carets.index("^")
    assert source[place : place + 5] == "TOKEN"


def test_a_wide_frame_in_full() -> None:
    text = "cnnwiz: 1\r\nmodel:\r\n  layers:\r\n    - conv: {channels: 4} # \u5352\r\nname: [\u5352, b]\r\n"
    document = parse_text(text, "w.yaml")
    (finding,) = check(document)
    assert frame(finding, document).split("\n")[-6:] == [
        "  |",
        "3 |   layers:",
        "4 |     - conv: {channels: 4} # \u5352",
        "5 | name: [\u5352, b]",
        "  |       ^^^^^^^",
        "  = why: cnnwiz explain CNN903",
    ]


def test_names_and_messages_cannot_act_on_the_terminal() -> None:
    finding = Finding(
        "CNN201", "some-rule", "error", "bad \x1b[31m\u202e value\nof two lines", (), Span(0, 1, 1, 1, 1, 2)
    )
    document = document_of("a\x1bb: \u202ec", "evil\x1b\n.yaml")
    for text in (frame(finding, document), concise(finding, document), headline(finding)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\n" not in concise(finding, document)


def test_an_unreadable_file_has_a_place_but_no_lines() -> None:
    finding = finding_at("", 0, 0)
    assert frame(finding, document_of("")).split("\n") == [
        "error[CNN201] some-rule: a message",
        " --> spec.yaml:1:1",
        "  = why: cnnwiz explain CNN201",
    ]
