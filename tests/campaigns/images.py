"""Each of 45 kinds of image file in train, eval and predict: the outcome is the one that is fixed for it, always."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
from kinds import DAMAGED, NO_FILES, PASSED, READ, REFUSED, UNUSUAL, outcome, picture, write
from lives import Lives

SPEC = """\
cnnwiz: 1
name: kinds
data: {source: {folder: {path: kinds}}, image_size: 16, validation: {fraction: 0}}
model: {layers: [conv: {channels: 4}]}
training: {batch_size: 4, epochs: 1, precision: float32}
"""
QUIET = ("--device", "cpu", "--workers", "0")


def images(lives: Lives, count: int) -> str:
    """`count` of the kinds, evenly chosen, and what is no file at all."""
    kinds = [*DAMAGED, *UNUSUAL]
    chosen = [kinds[number * len(kinds) // count] for number in range(count)] + list(NO_FILES)
    folder = lives.folder / "kinds"
    (lives.folder / "kinds.yaml").write_text(SPEC)
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (folder / place).mkdir(parents=True)
        for number in range(4):
            picture(20 + number, 24).save(folder / place / f"{number}.png")
    assert train(lives, "clean") == (0, ""), lives.said()
    found: Counter[str] = Counter()
    for name in chosen:
        for place, command in (("train/a", train_and_forget), ("test/b", evaluate), ("test/b", predict)):
            path = write(folder / place, name)
            code, said = command(lives, path)
            judge(name, command.__name__, code, said)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        looks_right(folder / "train/a", name)
        found[outcome(name)] += 1
    told = f"{found[READ]} kinds read, {found[REFUSED]} refused by name, {found[PASSED]} passed over"
    return f"{told}, in train, eval and predict as is fixed for each"


def train(lives: Lives, run: str) -> tuple[int, str]:
    lives.said()
    code = lives.run("train", "kinds.yaml", "--no-lint", *QUIET, "-q", "--run-dir", run)
    said = lives.said()
    return code, "" if said.startswith("done") else said


def train_and_forget(lives: Lives, _: Path) -> tuple[int, str]:
    code, said = train(lives, "trial")
    shutil.rmtree(lives.folder / "trial")
    return code, said


def evaluate(lives: Lives, _: Path) -> tuple[int, str]:
    code = lives.run("eval", "clean", *QUIET)
    return code, lives.said()


def predict(lives: Lives, path: Path) -> tuple[int, str]:
    """Of the folder: what is no image is passed over there."""
    code = lives.run("predict", "clean", str(path.parent), *QUIET, "--format", "json")
    return code, lives.said()


def judge(name: str, command: str, code: int, said: str) -> None:
    """Whether a command did with a kind what is fixed."""
    told = command == "predict" and name in ("pipe.png", "broken-link.png")
    expected = {READ: 0, PASSED: int(told), REFUSED: 1 if command == "predict" else 2}[outcome(name)]
    assert code == expected, f"{name!r} in {command}: code {code}, not {expected}: {said}"
    assert "Traceback" not in said, said
    assert "\x1b" not in said, f"{name!r} in {command} reaches the terminal as it is"
    assert outcome(name) != REFUSED or name in said, f"{name!r} in {command} is not named: {said}"


def looks_right(folder: Path, name: str) -> None:
    """Whether an unusual file is decoded to the picture that it shows."""
    from cnnwiz.data.decode import decode

    kind = UNUSUAL[name][1] if name in UNUSUAL else "any"
    if kind == "any":
        return
    path, plain = write(folder, name), folder / "plain.png"
    (picture().convert("L") if kind == "grey" else picture()).save(plain)
    difference = np.abs(decode(path, 16, 3).astype(int) - decode(plain, 16, 3)).mean()
    assert difference <= {"same": 0, "grey": 1, "about": 8}[kind], f"{name!r} is off by {difference:.1f} levels"
    path.unlink()
    plain.unlink()
