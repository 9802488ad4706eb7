"""`cnnwiz rules`: the list of rules."""

from __future__ import annotations

import sys
from typing import Literal

import typer

FIELDS = ("code", "name", "severity", "what", "why", "do", "abstains", "evidence", "papers", "since")
MARKS = {"safe": "*", "unsafe": "u", None: "-"}


def rules(
    family: int | None = typer.Option(
        None,
        "--family",
        min=1,
        max=9,
        help="1 data, 2 network, 3 optimization, 4 augmentation and regularization, 5 reproducibility, 6 cost, 9 file.",
    ),
    output_format: Literal["table", "json"] = typer.Option(
        "table", "--output-format", help="Table, or JSON with all fields."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Codes only."),
) -> None:
    """List the rules that `cnnwiz lint` checks. One rule at length: cnnwiz explain CODE"""
    import json
    from shutil import get_terminal_size

    from cnnwiz.rules import RULES
    from cnnwiz.rules.page import repair_of

    chosen = [rule for rule in RULES if family is None or rule.code.startswith(f"CNN{family}")]
    if output_format == "json":
        listed = [{**{field: getattr(rule, field) for field in FIELDS}, "fix": repair_of(rule)} for rule in chosen]
        print(json.dumps(listed, indent=2))
    elif quiet:
        print("\n".join(rule.code for rule in chosen))
    else:
        width = max((len(rule.name) for rule in chosen), default=0)
        columns = get_terminal_size().columns if sys.stdout.isatty() else None  # a pipe gets whole lines
        for rule in chosen:
            mark = MARKS[repair_of(rule)]
            print(f"{rule.code}  {rule.severity:<7}  {mark}  {rule.name:<{width}}  {rule.what}"[:columns])
        marks = "* safe fix, u unsafe fix, - none"
        print(f"\n{len(chosen)} of {len(RULES)} rules. {marks}. One rule at length: cnnwiz explain CODE")
