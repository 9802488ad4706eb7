"""What the terminal can do, and the only place that knows rich."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def results() -> Console:
    """The console for results (stdout): colour and width of the terminal, plain 100 columns in a pipe."""
    return _console(sys.stdout.isatty(), stderr=False)


def notes() -> Console:
    """The console for everything else (stderr)."""
    return _console(sys.stderr.isatty(), stderr=True)


def is_plain() -> bool:
    """Whether the user asked for output without cursor movement, colour or box characters."""
    return os.environ.get("TERM") == "dumb" or _on("CNNWIZ_PLAIN")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Table:
    """A table whose cells are shown literally; `right` are the columns of numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from cnnwiz.cli.plain import visible

    made = Table(box=None if is_plain() else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, title in enumerate(header):
        made.add_column(title, justify="right" if index in right else "left", no_wrap=index in right)
    for row in rows:
        made.add_row(*(Text(visible(cell)) for cell in row))
    return made


def _console(terminal: bool, stderr: bool) -> Console:
    from rich.console import Console

    plain = is_plain()
    return Console(
        stderr=stderr,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=plain or bool(os.environ.get("NO_COLOR")) or not terminal,
        force_terminal=terminal and not plain,
        width=None if terminal else 100,
    )


def _on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() not in ("", "0", "false", "no")
