"""The conversation of `cnnwiz new`: with a scripted front end, with numbered text, and with menus fed by a pipe."""

from __future__ import annotations

import io
import re

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from wizard import Script

from cnnwiz.cli.dialogue import Session, choose_level
from cnnwiz.cli.numbered import Numbered
from cnnwiz.cli.page import Help, Page, Signal
from cnnwiz.cli.prompts import Prompts
from cnnwiz.decisions import Answers, Option, plan, reasons, spec_from, take
from cnnwiz.spec.write import write

DOWN, SHIFT_TAB, ESCAPE, CTRL_C, CTRL_D = "\x1b[B", "\x1b[Z", "\x1b", "\x03", "\x04"


def test_enter_all_the_way_gives_the_defaults():
    for level in ("recommended", "guided", "all"):
        front = Script()
        session = Session(front, Answers(), level, "")
        assert session.run()
        assert front.keys() == [item.key for item in plan(Answers(), level)] + ["review"]
        defaults = write(spec_from(Answers()), reasons(Answers()))
        assert write(spec_from(session.answers), reasons(session.answers)) == defaults


def test_pages_tell_what_enter_means_and_what_the_network_is():
    front = Script()
    Session(front, Answers(), "guided", "").run()
    page = next(page for page in front.pages if page.place.startswith("model.defaults.norm,"))
    assert page.default == "batch"
    assert page.recommended == ("batch",)
    assert any(line.startswith("Recommended: +0.3 to 2.8 points") for line in page.about("batch"))
    assert any("caffenet" in line.lower() for line in page.about("batch") if line.startswith("Evidence: "))
    assert "parameters" in page.tell("batch").lines[-1]
    assert "maps 8 > 4 px" in page.tell("batch").lines[-1]


def test_back_preselects_the_old_answer_and_keeps_later_ones():
    front = Script(None, None, None, None, None, "40", Signal.BACK, Signal.BACK, None, "3")
    session = Session(front, Answers(), "guided", "")
    session.run()
    assert front.keys()[5:10] == [
        "architecture.width",
        "architecture.depth",
        "architecture.width",
        "architecture.family",
        "architecture.depth",
    ]
    assert front.pages[7].default == "40"
    assert session.answers["architecture.width"] == 40
    assert session.answers["architecture.depth"] == 3


def test_back_at_the_first_question_says_so():
    front = Script(Signal.BACK)
    Session(front, Answers(), "recommended", "").run()
    assert any("first question" in said for said in front.said)


def test_given_answers_are_neither_asked_nor_gone_back_to():
    given, _ = take({"task": "classify", "data.source": "digits", "augment": "none"})
    front = Script(None, Signal.BACK, Signal.BACK)
    Session(front, given, "guided", "").run()
    assert front.keys()[:4] == ["data.image_size", "architecture.family", "data.image_size", "data.image_size"]


def test_a_wrong_answer_is_asked_again_with_the_reason_and_the_text():
    given, _ = take({"task": "classify", "data.source": "digits"})
    front = Script("eight", "9999", "16")
    session = Session(front, given, "guided", "")
    session.run()
    assert front.pages[1].typed == "eight"
    assert front.pages[1].notes[0].startswith("Not accepted: 'eight' is not a number")
    assert front.pages[2].notes[0].startswith("Not accepted: 9999 is not allowed")
    assert session.answers["data.image_size"] == 16


def test_help_shows_the_cards():
    front = Script(Help("flowers102"), Help(), Help("nonsense"))
    Session(front, Answers(), "recommended", "").run()
    assert "Oxford Flowers" in front.said[0]
    assert "Avoid " in front.said[0]
    assert all("Where do the images come from?" in said for said in front.said[1:3])


def test_review_edits_a_line_and_asks_what_comes_open_again():
    front = Script(None, "optimizer", "adamw", "write")
    session = Session(front, Answers(), "recommended", "")
    assert session.run()
    assert front.keys()[:3] == ["data.source", "review", "optimizer"]
    assert session.answers["optimizer"] == "adamw"


def test_review_names_answers_that_a_change_drops():
    given, _ = take({})
    front = Script(*[None] * len(plan(given, "guided")), "optimizer", "adamw")
    session = Session(front, given, "guided", "")
    assert session.run()
    assert any(said.startswith("optimizer.sgd.lr is open again: no longer asked") for said in front.said)
    assert session.answers["optimizer.adamw.lr"] == 0.001


def test_review_can_be_left():
    assert not Session(Script(None, "quit"), Answers(), "recommended", "").run()
    front = Script(None, Signal.BACK, "mnist", "somewhere", "quit")
    session = Session(front, Answers(), "recommended", "")
    assert not session.run()
    assert front.keys() == ["data.source", "review", "data.source", "data.path", "review"]


def test_review_shows_the_file_and_the_checks():
    front = Script(None, "show", "quit")
    Session(front, Answers(), "recommended", "x.yaml").run()
    shown = "\n".join(front.said)
    assert "\ncnnwiz: 1\n" in shown
    assert re.search(r"  training.epochs +30\n", shown)
    assert "Checks: 0 errors, 0 warnings" in shown
    assert any(option.line == "write x.yaml" for option in front.pages[-1].options)


def test_an_answer_that_leaves_no_network_is_refused():
    given, _ = take({"model.defaults.norm": "group", "model.defaults.norm.group.groups": "4"})
    front = Script(None, None, None, None, None, "7", "8")
    session = Session(front, given, "guided", "")
    session.run()
    assert any("no network can be made" in said for said in front.said)
    assert session.answers["architecture.width"] == 8


def test_the_level_is_a_question_too():
    assert choose_level(Script(None), Answers()) == "guided"
    assert choose_level(Script(Signal.BACK, "nonsense", "all"), Answers()) == "all"


# Numbered text


PAGE = Page(
    "Which?", "key, 1 of 2", "choice", "a", (Option("a", "first"), Option("b", "", "too small")), ("a",), ("Note",)
)


def numbered(monkeypatch, capsys, page: Page, *lines: str) -> tuple[str | Signal, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    reply = Numbered().ask(page)
    return reply, capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("", "a"),
        ("1", "a"),
        ("2", "b"),
        ("b", "b"),
        ("7", "7"),
        (":back", Signal.BACK),
        ("?", Help()),
        (":help 2", Help("b")),
    ],
)
def test_numbered_replies(monkeypatch, capsys, line, reply):
    assert numbered(monkeypatch, capsys, PAGE, line)[0] == reply


def test_numbered_screen(monkeypatch, capsys):
    _, shown = numbered(monkeypatch, capsys, PAGE, "")
    assert shown == (
        "\nWhich? [key, 1 of 2]\n  Note\n  1. a, recommended: first\n  2. b: not available: too small\n"
        "A number or name, :help, :back or :quit. Enter means a.\n> "
    )


def test_numbered_several(monkeypatch, capsys):
    page = Page("Which?", "key", "several", "a,b", PAGE.options)
    assert numbered(monkeypatch, capsys, page, "2, 1")[0] == "b,a"
    assert numbered(monkeypatch, capsys, page, "none")[0] == "none"


def test_numbered_text_keeps_numbers(monkeypatch, capsys):
    assert numbered(monkeypatch, capsys, Page("How many?", "key", "text", "30"), "2")[0] == "2"


def test_numbered_end_of_input_and_quit(monkeypatch, capsys):
    for lines in ((), (":quit",)):
        with pytest.raises(KeyboardInterrupt):
            numbered(monkeypatch, capsys, PAGE, *lines)


def test_numbered_is_ascii(monkeypatch, capsys):
    _, shown = numbered(monkeypatch, capsys, Page("Größe\x1b[31m?", "key", "text", "ü"), "")
    assert shown.isascii()
    assert "\x1b" not in shown


# Menus, fed by a pipe


def menus(typed: str, session: Session) -> bool:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(typed)
        return session.run()


def test_menus_enter_all_the_way():
    session = Session(Prompts(inside_session=True), Answers(), "guided", "")
    assert menus("\r" * (len(plan(Answers(), "guided")) + 1), session)
    assert spec_from(session.answers) == spec_from(Answers())


@pytest.mark.parametrize("key", [SHIFT_TAB, ESCAPE])
def test_menus_back(key):
    session = Session(Prompts(inside_session=True), Answers(), "guided", "")
    enters = "\r" * len(plan(Answers(), "guided"))
    assert menus(f"\r\r\r\r{DOWN}\r{key}\r{enters}\r", session)
    assert session.answers["architecture.family"] == "basic"


def test_menus_mark_several():
    given, _ = take({"task": "classify", "data.image_size": "8"})
    session = Session(Prompts(inside_session=True), given, "guided", "")
    assert menus(f"\r {DOWN}{DOWN} \r" + "\r" * 20, session)
    assert session.answers["augment"] == ("horizontal_flip",)


def test_menus_text_and_help():
    given, _ = take({"task": "classify", "data.source": "digits"})
    session = Session(Prompts(inside_session=True), given, "guided", "")
    assert menus("?x\r\x15:help\r16\r" + "\r" * 20, session)
    assert session.answers["data.image_size"] == 16


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
@pytest.mark.parametrize("enters", [0, 1, 5, 13])
def test_menus_interrupt_keeps_the_answers(key, enters):
    session = Session(Prompts(inside_session=True), Answers(), "guided", "")
    with pytest.raises(KeyboardInterrupt):
        menus("\r" * enters + key, session)
    assert len(session.answers) == enters


def test_menus_read_but_do_not_take_what_is_not_available():
    options = (Option("small", "a"), Option("strided", "b"), Option("pooled", "c", "10 px are left"))
    page = Page("Stem", "architecture.stem", "choice", "pooled", options)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(f"{DOWN}{DOWN}\r3\r 2\r")
        assert Prompts(inside_session=True).ask(page) == "strided"
