"""The README says what the program does: blocks are up to date, commands and options exist, its specs load."""

from __future__ import annotations

import re
import shlex

import pytest
import typer
from readme import README, filled

from cnnwiz.cli.app import program
from cnnwiz.spec import parse_text

TEXT = README.read_text(encoding="utf-8")


def command_lines() -> list[list[str]]:
    """Every `cnnwiz ...` in the README's shell blocks and inline code, as words."""
    blocks = re.findall(r"```(?:sh|console|bash)\n(.*?)```", TEXT, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(cnnwiz [^`]+)`", TEXT)
    pieces = [piece.strip() for line in lines for piece in re.split(r"&&|\||;|<", line.removeprefix("$ "))]
    calls = [re.sub(r"^\S*bin/", "", piece) for piece in pieces]
    return [shlex.split(call, comments=True) for call in calls if re.match(r"cnnwiz( |$)", call)]


def test_generated_blocks_are_up_to_date() -> None:
    assert filled(TEXT) == TEXT, "run: python tests/readme.py"


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_commands_and_options_exist(words: list[str]) -> None:
    group = typer.main.get_command(program())
    known = {option for parameter in group.params for option in parameter.opts}
    if len(words) > 1 and not words[1].startswith("-"):
        assert words[1] in group.commands, f"no command {words[1]}"
        parameters = group.commands[words[1]].params
        known |= {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words[1:]:
        if word.startswith("--"):
            assert word.split("=")[0] in known | {"--help"}


def test_every_command_is_in_the_readme() -> None:
    for command in program().registered_commands:
        assert f"`cnnwiz {command.name}" in TEXT


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL))
def test_specs_load(block: str) -> None:
    if re.search(r"^cnnwiz:", block, re.MULTILINE):
        document = parse_text(block)
        assert document.spec, [finding.message for finding in document.findings]
