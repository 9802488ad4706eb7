"""A run that tests of eval, predict, export and compare share: digits as image files, trained for a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from cnnwiz.spec import parse_text
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEC = """
cnnwiz: 1
name: small
data:
  source: {{folder: {{path: "{folder}"}}}}
  image_size: 8
  canvas: 10
  channels: 1
  validation: {{fraction: 0.2}}
model:
  defaults: {{pool: max_plus_avg}}
  layers:
    - conv: {{channels: 8}}
    - pool: {{kernel: 2, stride: 2}}
    - basic: {{channels: 16, repeat: 2}}
optimizer: {{sgd: {{lr: 0.1}}}}
training: {{batch_size: 32, epochs: 4, precision: float32, seed: {seed}}}
"""


def write_digits(folder: Path, train: int = 30, test: int = 12, names: tuple[str, ...] = NAMES) -> Path:
    """Digits as PNG of 10x10 pixels in folder/train/CLASS and folder/test/CLASS, so many of each class."""
    scans, labels = load_digits(return_X_y=True)
    pixels = np.rint(scans.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    for label, name in enumerate(names):
        mine = pixels[labels == label][: train + test]
        for number, scan in enumerate(mine):
            place = folder / ("train" if number < train else "test") / name
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.pad(scan, 1)).save(place / f"{number:03}.png")
    return folder


def train_small(folder: Path, *changes: tuple[str, str], seed: int = 0) -> Path:
    """A finished run in folder/run-SEED on the digits in folder/digits; `changes` replace pieces of its spec."""
    digits = folder / "digits"
    if not digits.exists():
        write_digits(digits)
    text = SPEC.format(folder=digits, seed=seed)
    for change in changes:
        text = text.replace(*change)
    document = parse_text(text)
    assert document.spec is not None, document.findings
    path = folder / f"run-{seed}"
    with Run.create(path, document.spec) as run:
        list(fit(run, device="cpu"))
    return path
