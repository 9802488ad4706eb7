"""A split as canvases of one size: held in memory, or decoded batch by batch where memory does not suffice."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from cnnwiz.data.decode import decode, to_canvas
from cnnwiz.data.workers import TIMEOUT, ahead, alarm
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from cnnwiz.data.records import Split

    Progress = Callable[[int, int], None]
    """progress(done, total): images decoded so far, and in all."""

CHUNK = 128  # images decoded at a time
GIB = 2**30


class Decoded(NamedTuple):
    """Some canvases, and what could not be read."""

    canvases: np.ndarray  # uint8 (B, S, S, C); zeros where an image is damaged
    damaged: list[str]


@dataclass(frozen=True, eq=False)
class Pixels:
    """The images of one split as uint8 (N, S, S, C), with their labels int64 (N,)."""

    split: Split
    side: int
    channels: int
    workers: int = 0  # processes that decode, where the canvases are not held in memory
    held: np.ndarray | None = None
    histogram: np.ndarray = field(default_factory=lambda: np.zeros((0, 256), np.int64))  # (C, 256) over all pixels
    damaged: tuple[str, ...] = ()  # file and reason of images that could not be read
    rows: np.ndarray | None = None  # int64 (N,): where in `held` each image is, if that holds more than this split
    resident: Tensor | None = None  # the canvases once more, on a device

    def __len__(self) -> int:
        return len(self.split)

    @property
    def labels(self) -> np.ndarray:
        return self.split.labels

    @property
    def targets(self) -> np.ndarray:
        """What is to be learned of each image: its label (N,), or its boxes and their classes (N, M, 5)."""
        return self.split.labels if self.split.boxes is None else self.split.boxes

    def batch(self, indices: np.ndarray) -> np.ndarray:
        """The canvases of these images: uint8 (B, S, S, C), a fresh array."""
        if self.held is None:
            return next(self._decoded([indices], 0))
        return self.held[indices if self.rows is None else self.rows[indices]]

    def batches(self, groups: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """The canvases of each group of indices in turn, decoded ahead by the workers where they are not held."""
        if self.held is None:
            return self._decoded(groups, self.workers)
        return (self.batch(group) for group in groups)

    def _decoded(self, groups: Sequence[np.ndarray], workers: int) -> Iterator[np.ndarray]:
        for canvases, damaged in decoded(self.split, self.side, self.channels, groups, workers):
            if damaged:
                raise CnnwizError(f"an image changed since the start: {damaged[0]}")
            yield canvases


def read_pixels(
    split: Split,
    side: int,
    channels: int,
    workers: int = 0,
    memory: int = 4 * GIB,
    progress: Progress | None = None,
) -> Pixels:
    """Decode every image once: to hold it, if the canvases fit into `memory` bytes, and to find damaged files.

    The canvases depend on neither `workers` nor `memory`.
    """
    shape = (len(split), side, side, channels)
    groups = [np.arange(start, min(start + CHUNK, len(split))) for start in range(0, len(split), CHUNK)]
    if split.pixels is not None and split.pixels.shape == shape:
        held, chunks = split.pixels, (Decoded(split.pixels[group], []) for group in groups)
    else:
        held = np.empty(shape, np.uint8) if math.prod(shape) <= memory else None
        chunks = decoded(split, side, channels, groups, workers)
    histogram = np.zeros((channels, 256), np.int64)
    damaged: list[str] = []
    for group, (canvases, unread) in zip(groups, chunks, strict=True):
        if held is not None and held is not split.pixels:
            held[group] = canvases
        histogram += histogram_of(canvases)
        damaged += unread
        if progress is not None:
            progress(int(group[-1]) + 1, len(split))
    return Pixels(split, side, channels, workers, held, histogram, tuple(damaged))


def require_readable(damaged: Sequence[str], total: int) -> None:
    """Raise CnnwizError that lists the first of these lines, if there are any; `total` images were read."""
    if damaged:
        more = f"; and {len(damaged) - 5} more" if len(damaged) > 5 else ""
        listing = "; ".join(damaged[:5]) + more
        raise CnnwizError(f"{len(damaged)} of {total} images cannot be read, repair or remove them: {listing}")


def memory_for_images() -> int:
    """Bytes that canvases may take: 4 GiB, or half of what is available where that is less."""
    return min(4 * GIB, available_memory() // 2)


def available_memory() -> int:
    """Bytes that can be used without swapping; 8 GiB where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return 8 * GIB


def histogram_of(canvases: np.ndarray) -> np.ndarray:
    """How often each value occurs in each channel, (C, 256): exact, so sums do not depend on the order of images."""
    channels = canvases.shape[3]
    return np.stack([np.bincount(canvases[..., channel].ravel(), minlength=256) for channel in range(channels)])


class _Decoder:
    """What a worker does: a group of indices in, canvases and damage out. Damage travels as text: an exception that
    cannot be pickled would leave the main process waiting."""

    def __init__(self, split: Split, side: int, channels: int, groups: Sequence[np.ndarray], limit: int) -> None:
        self.split, self.side, self.channels, self.groups = split, side, channels, groups
        self.limit = limit  # seconds for one image, then the process ends; 0 for no limit

    def __getitem__(self, number: int) -> Decoded:
        indices = self.groups[number]
        canvases = np.zeros((len(indices), self.side, self.side, self.channels), np.uint8)
        damaged = []
        for place, index in enumerate(indices):
            if self.limit:
                alarm(self.limit)
            try:
                canvases[place] = self._canvas(index)
            except CnnwizError as error:
                damaged.append(str(error))
        if self.limit:
            alarm(0)
        return Decoded(canvases, damaged)

    def _canvas(self, index: int) -> np.ndarray:
        if self.split.pixels is None:
            return decode(self.split.files[index], self.side, self.channels, whole=self.split.boxes is not None)
        pixels = self.split.pixels[index]
        return to_canvas(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), self.side, self.channels)


def decoded(split: Split, side: int, channels: int, groups: Sequence[np.ndarray], workers: int) -> Iterator[Decoded]:
    """Each group in turn, from `workers` processes that decode ahead, or from this one."""
    decoder = _Decoder(split, side, channels, groups, TIMEOUT if workers else 0)
    if not (workers and groups):
        yield from (decoder[number] for number in range(len(groups)))
        return
    most = max(len(group) for group in groups)
    for canvases, damaged in ahead(decoder, range(len(groups)), min(workers, len(groups)), most):
        yield Decoded(canvases.numpy(), damaged)
