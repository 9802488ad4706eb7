"""Writes examples/wizard.svg: `cnnwiz new` in a real terminal (tmux), its screen exported by rich.

python tests/wizard_picture.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

TARGET = Path(__file__).parents[1] / "examples" / "wizard.svg"
WIDTH, HEIGHT = 96, 34
KEYS = ["Enter"] * 8
"""Answers as recommended, up to the question that is shown."""


def screen() -> str:
    """The terminal after KEYS, with its colours as escape sequences."""
    with tempfile.TemporaryDirectory() as folder:
        session = ["tmux", "-L", "cnnwiz-picture"]
        command = f"{sys.executable} -m cnnwiz new"
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        subprocess.run([*session, "new-session", "-d", "-s", "w", *size, "-c", folder, command], check=True)
        try:
            time.sleep(6)
            for key in KEYS:
                subprocess.run([*session, "send-keys", "-t", "w", key], check=True)
                time.sleep(1.5)
            shown = subprocess.run([*session, "capture-pane", "-t", "w", "-p", "-e"], capture_output=True, check=True)
        finally:
            subprocess.run([*session, "kill-server"], check=False)
    return shown.stdout.decode().rstrip()


def picture(text: str) -> str:
    """The SVG of a terminal that shows `text`."""
    console = Console(record=True, width=WIDTH, file=StringIO())
    console.print(Text.from_ansi(f"$ cnnwiz new\n{text}"), soft_wrap=True)
    return console.export_svg(title="cnnwiz new")


if __name__ == "__main__":
    TARGET.write_text(picture(screen()), encoding="utf-8")
