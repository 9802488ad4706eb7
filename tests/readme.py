"""The generated blocks of README.md. `python tests/readme.py` writes them; tests/test_readme.py checks them."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def choices() -> str:
    """Every choice by section, with the words to write in a spec."""
    from cnnwiz.catalog import PARTS, SECTIONS

    rows = [(section.title, section.choices) for section in SECTIONS]
    rows.append(("Penalties (`regularization`)", PARTS))
    lines = [f"| {title} | {', '.join(f'`{choice.key}`' for choice in members)} |" for title, members in rows]
    return "\n".join(["| section | choices |", "| --- | --- |", *lines])


def rules() -> str:
    """Every lint rule."""
    from cnnwiz.rules import RULES

    lines = [
        f"| {rule.code} | {rule.name} | {rule.severity} | {', '.join(rule.evidence) or '-'} |"
        for rule in sorted(RULES, key=lambda rule: rule.code)
    ]
    return "\n".join(["| code | name | severity | evidence |", "| --- | --- | --- | --- |", *lines])


def commands() -> str:
    """Every command with the first line of its help."""
    from cnnwiz.cli.app import app

    lines = [
        f"| `cnnwiz {command.name}` | {(command.callback.__doc__ or '').strip().splitlines()[0]} |"
        for command in app.registered_commands
        if command.callback
    ]
    return "\n".join(["| command | what it does |", "| --- | --- |", *lines])


BLOCKS = {"choices": choices, "rules": rules, "commands": commands}


def filled(text: str) -> str:
    """README text with every generated block brought up to date."""

    def fill(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n{BLOCKS[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
