"""The generated blocks of README.md. `python tests/readme.py` writes them; tests/test_readme.py checks them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import yaml

README = Path(__file__).parents[1] / "README.md"


def choices() -> str:
    """Every choice by section, with the words to write in a spec."""
    from cnnwiz.catalog import PARTS, SECTIONS

    rows = [(section.title, section.choices) for section in SECTIONS]
    rows.append(("Parts of `regularization`, `optimizer`, `training`, `model.defaults`", PARTS))
    lines = [f"| {title} | {', '.join(f'`{choice.key}`' for choice in members)} |" for title, members in rows]
    return "\n".join(["| section | choices |", "| --- | --- |", *lines])


def rules() -> str:
    """Every lint rule: what repairs it, what it rests on, and what was measured here."""
    from cnnwiz.knowledge import measured
    from cnnwiz.rules import RULES
    from cnnwiz.rules.page import repair_of

    lines = ["| code | name | severity | fix | evidence | here |", "| --- | --- | --- | --- | --- | --- |"]
    for rule in sorted(RULES, key=lambda rule: rule.code):
        evidence = ", ".join(rule.evidence or rule.papers) or "by definition"
        found = measured().get(rule.code)
        here = f"{found.effect_pp:+.1f} +- {found.interval_pp:.1f}" if found else ""
        row = (rule.code, rule.name, rule.severity, repair_of(rule) or "-", evidence, here)
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def commands() -> str:
    """Every command with the first paragraph of its help."""
    from cnnwiz.cli.app import program

    helps = [(command.name, inspect.getdoc(command.callback) or "") for command in program().registered_commands]
    paragraphs = [(name, " ".join(text.partition("\n\n")[0].split())) for name, text in helps]
    lines = [f"| `cnnwiz {name}` | {paragraph} |" for name, paragraph in paragraphs]
    return "\n".join(["| command | what it does |", "| --- | --- |", *lines])


def documented_lines() -> dict[str, list[dict[str, Any]]]:
    """Chapters of the document, and for each line what a spec says and which tests hold it to its definition."""
    return yaml.safe_load((README.parent / "tests" / "documented.yaml").read_text(encoding="utf-8"))


def documented() -> str:
    """Every line of the document with its words in a spec, its rules or its command, and its tests."""
    table = ["| documented choice | in the spec, or its rule | test |", "| --- | --- | --- |"]
    for chapter, lines in documented_lines().items():
        table.append(f"| **{chapter}** | | |")
        for line in lines:
            words = [*line.get("specs", ()), *line.get("rules", ()), *([line["command"]] if "command" in line else ())]
            table.append(f"| {line['line']} | {_code(words)} | {_code(line['tests'])} |")
    return "\n".join(table)


def _code(words: list[str]) -> str:
    return "<br>".join(f"`{word}`" for word in words)


BLOCKS = {"choices": choices, "rules": rules, "commands": commands, "documented": documented}


def filled(text: str) -> str:
    """README text with every generated block brought up to date."""

    def fill(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n{BLOCKS[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
