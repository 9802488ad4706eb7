"""`cnnwiz rules`: the list of rules."""

from __future__ import annotations

import sys
from typing import Literal

import typer


def rules(
    family: int | None = typer.Option(
        None,
        "--family",
        min=1,
        max=9,
        help="1 data, 2 network, 3 optimization, 4 augmentation and regularization, 9 file.",
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

    chosen = [rule for rule in RULES if family is None or rule.code.startswith(f"CNN{family}")]
    if output_format == "json":
        fields = ("code", "name", "severity", "what", "why", "do", "abstains", "evidence", "papers", "since")
        print(json.dumps([{field: getattr(rule, field) for field in fields} for rule in chosen], indent=2))
    elif quiet:
        print("\n".join(rule.code for rule in chosen))
    else:
        width = max((len(rule.name) for rule in chosen), default=0)
        columns = get_terminal_size().columns if sys.stdout.isatty() else None  # a pipe gets whole lines
        for rule in chosen:
            print(f"{rule.code}  {rule.severity:<7}  {rule.name:<{width}}  {rule.what}"[:columns])
        print(f"\n{len(chosen)} of {len(RULES)} rules. One rule at length: cnnwiz explain CODE")
