"""What the tests of `cnnwiz new` share: folders of images, a scripted front end, a real terminal."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from cnnwiz.cli.page import Help, Page, Signal
from cnnwiz.decisions import Answers, Fingerprint, take

CNNWIZ = [sys.executable, "-m", "cnnwiz"]
PROMPT = "Ctrl-C quit"
PLAIN_PROMPT = r"\r\n> "


def given_texts(texts: dict[str, str], **about) -> Answers:
    answers, problems = take(texts, **about)
    assert problems == []
    return answers


def pictures(root: Path, counts: dict[str, int], side=(40, 30), mode: str = "RGB", seed: int = 0) -> Path:
    """Images of noise, all different, `counts` of each class, as root/CLASS/000.png."""
    chance = np.random.default_rng(seed)
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            shape = (side[1], side[0]) if mode == "L" else (side[1], side[0], 3)
            pixels = chance.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number:03}.png")
    return root


def fingerprint(**values) -> Fingerprint:
    """A look at 900 photos of each of ten classes, in a folder that need not be there."""
    usual = {
        "source": "folder",
        "path": "photos",
        "classes": tuple(f"class{number}" for number in range(10)),
        "images": (900,) * 10,
        "sides": (200, 300, 500),
        "square": False,
        "looked": 9000,
    }
    return Fingerprint(**{**usual, **values})


class Script:
    """A front end that replies from a list; None stands for Enter."""

    def __init__(self, *replies: str | Signal | Help | None) -> None:
        self.replies = list(replies)
        self.pages: list[Page] = []
        self.said: list[str] = []

    def ask(self, page: Page) -> str | Signal | Help:
        self.pages.append(page)
        reply = self.replies.pop(0) if self.replies else None
        return page.default if reply is None else reply

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, text: str) -> None:
        self.said.append(text)

    def progress(self, text: str) -> None:
        pass

    def keys(self) -> list[str]:
        """The keys of the pages, in the order in which they were put."""
        return [page.place.split(",")[0] for page in self.pages]


def terminal_environment(**settings: str) -> dict[str, str]:
    """This process's environment with nothing that forbids questions."""
    usual = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **settings}
    return {name: value for name, value in usual.items() if name not in ("CNNWIZ_NO_INPUT", "CI")}


class Terminal:
    """One run of `cnnwiz new` in a real terminal."""

    def __init__(self, folder, *options: str, size: tuple[int, int] = (60, 80), **environment: str) -> None:
        import pexpect

        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "cnnwiz", "new", *options],
            cwd=str(folder),
            env=terminal_environment(**environment),
            encoding="utf-8",
            timeout=120,
            dimensions=size,
        )
        self.shown = ""

    def wait(self, text: str) -> None:
        self.process.expect(text)
        self.shown += self.process.before + self.process.after

    def send(self, keys: str) -> None:
        self.process.send(keys)

    def end(self) -> int:
        import pexpect

        self.process.expect(pexpect.EOF)
        self.shown += self.process.before
        self.process.close()
        return self.process.exitstatus

    def answer_all(self, prompt: str, count: int) -> None:
        """Press Enter at each of the next questions."""
        for _ in range(count):
            self.wait(prompt)
            self.send("\r")

    def processor_seconds(self) -> float:
        """Time of the processor that the run has taken so far (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds(action) -> float:
    """Processor time of a call."""
    begun = time.process_time()
    action()
    return time.process_time() - begun
