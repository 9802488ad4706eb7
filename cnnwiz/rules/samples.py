"""Folders of images for the examples of rules that look at them: small, and just enough to be listed."""

from __future__ import annotations

from collections.abc import Mapping

FOLDER = """\
cnnwiz: 1
data:
  source: {folder: {path: photos}}
  image_size: 64
  validation: {fraction: 0}
model:
  layers:
    - conv: {channels: 16}
optimizer: {sgd: {lr: 0.01}}
training: {batch_size: 16, epochs: 60}
"""
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pictures(counts: Mapping[str, int]) -> dict[str, bytes]:
    """So many files for each folder below `photos`, no two alike; they begin as PNG files do and hold no image."""
    return {
        f"photos/{folder}/{number}.png": SIGNATURE + f"{folder} {number}".encode()
        for folder, count in counts.items()
        for number in range(count)
    }
