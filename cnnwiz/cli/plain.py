"""Text for terminals and pipes that needs no library."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from shutil import get_terminal_size

from cnnwiz.text import visible


def columns() -> int:
    """The width of the terminal, at most 100; 80 in a pipe."""
    return max(40, min(get_terminal_size().columns, 100)) if sys.stdout.isatty() else 80


def draw_over(text: str) -> None:
    """Put `text`, as much as fits, in place of the line on stderr that the cursor is in."""
    sys.stderr.write(f"\r{visible(text)[: get_terminal_size().columns - 1]}\x1b[K")
    sys.stderr.flush()


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int], width: int) -> str:
    """A table in plain text. The first column is wrapped where the rest leaves it too little room; nothing is cut.

    `right`: columns that are aligned to the right.
    """
    cells = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    widths[0] = max(min(widths[0], width - sum(widths[1:]) - 2 * (len(widths) - 1)), 8)
    lines = []
    for row in cells:
        first, *more = textwrap.wrap(row[0], widths[0], break_on_hyphens=False) or [""]
        rest = [
            cell.rjust(size) if index in right else cell.ljust(size)
            for index, (cell, size) in enumerate(zip(row[1:], widths[1:], strict=True), 1)
        ]
        lines.append("  ".join([first.ljust(widths[0]), *rest]).rstrip())
        lines += [f"  {line}" for line in more]
    return "\n".join([lines[0], "  ".join("-" * size for size in widths), *lines[1:]])
