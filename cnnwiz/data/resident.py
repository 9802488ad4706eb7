"""Canvases on the device: what fits there is copied once, and batches are indexed where they are used."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from cnnwiz.data.pixels import Pixels
    from cnnwiz.data.prepare import Prepared

SHARE = 0.4  # of the device's free memory that canvases may take; the rest is for activations
CHUNK = 4096  # images copied at a time, so that a memory-mapped file is not read into main memory as a whole


def placed(data: Prepared, device: str) -> Prepared:
    """The data with the canvases of its splits on a CUDA device, training first, as far as they fit."""
    if not device.startswith("cuda"):
        return data
    room = int(SHARE * torch.cuda.mem_get_info(device)[0])
    found: dict[str, Pixels] = {}
    for name in ("train", "validation", "test"):
        pixels: Pixels | None = getattr(data, name)
        if pixels is None:
            continue
        size = len(pixels) * pixels.side**2 * pixels.channels
        if pixels.held is not None and size <= room:
            room -= size
            found[name] = on_device(pixels, device)
    return dataclasses.replace(data, **found)


def on_device(pixels: Pixels, device: str) -> Pixels:
    """A split that also lies on the device, uint8 (N, S, S, C)."""
    shape = (len(pixels), pixels.side, pixels.side, pixels.channels)
    there = torch.empty(shape, dtype=torch.uint8, device=device)
    for start in range(0, len(pixels), CHUNK):
        part = np.arange(start, min(start + CHUNK, len(pixels)))
        there[start : start + len(part)] = torch.from_numpy(pixels.batch(part)).to(device)
    return dataclasses.replace(pixels, resident=there)
