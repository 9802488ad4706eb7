"""Writes examples/wizard.svg: `cnnwiz new` about a folder of photos in a real terminal (tmux), exported by rich.

python tests/wizard_picture.py
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "examples" / "wizard.svg"
PHOTOS = ROOT.parent / "shared" / "data" / "catsdogs603.tar.xz"
WIDTH, HEIGHT = 80, 36
COMMAND = "cnnwiz new --data photos"
KEYS = ["Enter"] * 8 + ["Down", "Down"]
"""Answers as recommended, up to the question that is shown with another option pointed at."""
TMUX = ["tmux", "-L", "cnnwiz-picture"]


def screen() -> str:
    """The terminal after KEYS, with its colours as escape sequences."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(PHOTOS) as archive:
            archive.extractall(Path(folder, "photos"), filter="data")
        command = f"{sys.executable} -m {COMMAND}"
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        subprocess.run([*TMUX, "new-session", "-d", "-s", "w", *size, "-c", folder, command], check=True)
        try:
            shown = _settled("")
            for key in KEYS:
                subprocess.run([*TMUX, "send-keys", "-t", "w", key], check=True)
                shown = _settled(shown)
        finally:
            subprocess.run([*TMUX, "kill-server"], check=False)
    return shown.rstrip()


def _settled(earlier: str) -> str:
    """The screen once it shows a question, is not the earlier one, and has stayed the same for two seconds."""
    last, since = "", time.monotonic()
    while time.monotonic() - since < 2 or "Ctrl-C quit" not in last or last == earlier:
        capture = subprocess.run([*TMUX, "capture-pane", "-t", "w", "-p", "-e"], capture_output=True, check=True)
        shown = capture.stdout.decode()
        if shown != last:
            last, since = shown, time.monotonic()
        time.sleep(0.2)
    return last


def picture(text: str) -> str:
    """The SVG of a terminal that shows `text`."""
    console = Console(record=True, width=WIDTH, file=StringIO())
    console.print(Text.from_ansi(f"$ {COMMAND}\n{text}"), soft_wrap=True)
    return console.export_svg(title="cnnwiz new")


if __name__ == "__main__":
    TARGET.write_text(picture(screen()), encoding="utf-8")
