"""`cnnwiz new` in a real terminal: interruptions, plain mode, existing files, and the terminal it leaves behind."""

from __future__ import annotations

import os
import re
import shlex
import sys

import pytest

from cnnwiz.decisions import Answers, plan
from cnnwiz.spec import load

pexpect = pytest.importorskip("pexpect")

QUESTIONS = len(plan(Answers(), "guided"))
PROMPT = "Ctrl-C quit"
PLAIN_PROMPT = r"\r\n> "


class Terminal:
    """One run of `cnnwiz new` in a terminal of 80 columns and 60 rows."""

    def __init__(self, folder, *options: str, **environment: str) -> None:
        settings = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **environment}
        settings.pop("CNNWIZ_NO_INPUT", None)
        arguments = ["-m", "cnnwiz", "new", *options]
        self.process = pexpect.spawn(
            sys.executable, arguments, cwd=str(folder), env=settings, encoding="utf-8", timeout=60, dimensions=(60, 80)
        )
        self.shown = ""

    def wait(self, text: str) -> None:
        self.process.expect(text)
        self.shown += self.process.before + self.process.after

    def send(self, keys: str) -> None:
        self.process.send(keys)

    def end(self) -> int:
        self.process.expect(pexpect.EOF)
        self.shown += self.process.before
        self.process.close()
        return self.process.exitstatus


def answer_all(terminal: Terminal, prompt: str, count: int = QUESTIONS) -> None:
    for _ in range(count):
        terminal.wait(prompt)
        terminal.send("\r")


@pytest.mark.parametrize("answered", [0, 1, 4, QUESTIONS])
def test_interrupt_at_any_question_writes_nothing(tmp_path, answered):
    terminal = Terminal(tmp_path, "--level", "guided")
    answer_all(terminal, PROMPT, answered)
    terminal.wait(PROMPT)
    terminal.send("\x03")
    assert terminal.end() == 130
    assert list(tmp_path.iterdir()) == []
    assert "Nothing was written." in terminal.shown
    assert "\x1b[?25l" not in terminal.shown.rsplit("\x1b[?25h", 1)[-1]  # the cursor is visible again


def test_the_terminal_is_left_as_it_was(tmp_path):
    line = f"stty -a > before; {shlex.quote(sys.executable)} -m cnnwiz new; stty -a > after"
    process = pexpect.spawn("/bin/sh", ["-c", line], cwd=str(tmp_path), encoding="utf-8", timeout=60)
    process.expect(PROMPT)
    process.send("\x03")
    process.expect(pexpect.EOF)
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()


def test_the_command_printed_on_interrupt_goes_on(tmp_path):
    terminal = Terminal(tmp_path, "--level", "guided", "--plain")
    answer_all(terminal, PLAIN_PROMPT)
    terminal.wait(PLAIN_PROMPT)
    terminal.send(":quit\r")
    assert terminal.end() == 130
    command = re.search(r"cnnwiz (new --level guided .*)", terminal.shown)
    assert command
    again = Terminal(tmp_path, *shlex.split(command[1])[1:], "--no-input")
    assert again.end() == 0
    assert load(tmp_path / "digits.yaml").training.epochs == 30


def test_menus_to_the_written_file(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.wait(PROMPT)
    terminal.send("\r")
    answer_all(terminal, PROMPT)
    terminal.wait("Review")
    terminal.wait("0 errors, 0 warnings")
    terminal.wait(PROMPT)
    terminal.send("\r")
    assert terminal.end() == 0
    assert "cnnwiz train digits.yaml" in terminal.shown
    assert "cnnwiz new -o digits.yaml --defaults\r\n" in terminal.shown
    assert [path.name for path in tmp_path.iterdir()] == ["digits.yaml"]
    other = Terminal(tmp_path, "--defaults", "-o", "same.yaml")
    assert other.end() == 0
    assert (tmp_path / "same.yaml").read_bytes() == (tmp_path / "digits.yaml").read_bytes()


def test_plain_mode_is_ascii_without_escapes(tmp_path):
    terminal = Terminal(tmp_path, TERM="dumb")
    terminal.wait(PLAIN_PROMPT)
    terminal.send("2\r")
    terminal.wait(PLAIN_PROMPT)
    terminal.send(":help\r")
    answer_all(terminal, PLAIN_PROMPT, QUESTIONS + 1)
    assert terminal.end() == 0
    assert terminal.shown.isascii()
    assert "\x1b" not in terminal.shown
    assert max(len(line) for line in terminal.shown.splitlines()) <= 100
    assert (tmp_path / "digits.yaml").exists()


def test_end_of_input_is_an_interrupt(tmp_path):
    terminal = Terminal(tmp_path, "--plain", "--level", "guided")
    terminal.wait(PLAIN_PROMPT)
    terminal.process.sendeof()
    assert terminal.end() == 130
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    target = tmp_path / "digits.yaml"
    for replies, written in (("\rother.yaml\r", "other.yaml"), ("2\r", "digits.yaml")):
        target.write_text("mine")
        terminal = Terminal(tmp_path, "--plain", "--level", "recommended")
        answer_all(terminal, PLAIN_PROMPT, 2)
        terminal.wait("exists. What now")
        for keys in replies.split("\r")[:-1]:
            terminal.wait(PLAIN_PROMPT)
            terminal.send(f"{keys}\r")
        assert terminal.end() == 0
        assert (target.read_text() == "mine") == (written == "other.yaml")
        assert load(tmp_path / written).name == "digits"


def test_only_yaml_on_stdout_while_asking(tmp_path):
    line = f"{shlex.quote(sys.executable)} -m cnnwiz new -o - --level recommended > out.yaml"
    process = pexpect.spawn(
        "/bin/sh", ["-c", line], cwd=str(tmp_path), encoding="utf-8", timeout=60, dimensions=(60, 80)
    )
    for _ in range(2):
        process.expect(PROMPT)
        process.send("\r")
    process.expect(pexpect.EOF)
    assert load(tmp_path / "out.yaml").name == "digits"
