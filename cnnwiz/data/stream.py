"""Image files decoded as they come, in constant memory: groups of names in, canvases and what could not be read out."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnwiz.data.decode import decode
from cnnwiz.data.workers import TIMEOUT, ahead, alarm
from cnnwiz.errors import CnnwizError


class Group(NamedTuple):
    """Some files: the canvases of those that were read, and why the others were not."""

    files: list[str]
    canvases: np.ndarray  # uint8 (R, S, S, C), R of the files, in order
    damaged: dict[int, str]  # place among `files`: file and reason


def decoded_groups(
    files: Iterable[Path], size: int, side: int, channels: int, whole: bool, workers: int
) -> Iterator[Group]:
    """The files in groups of `size`, as canvases (see `decode`), decoded ahead by `workers` processes or, for 0, here.

    A file is asked for when its turn comes near: a stream of names without end takes no more memory than a short one.
    """
    remaining = iter(files)
    groups = iter(lambda: [str(file) for file in itertools.islice(remaining, size)], [])
    first = next(groups, [])
    groups = itertools.chain([first] if first else [], groups)
    if not workers or len(first) < size:  # a few files are read before a process has started
        decoder = _Decoder(side, channels, whole, 0)
        yield from (decoder[group] for group in groups)
        return
    decoder = _Decoder(side, channels, whole, TIMEOUT)
    for names, canvases, damaged in ahead(decoder, groups, workers, size):
        yield Group(names, canvases.numpy(), damaged)


class _Decoder:
    """What a worker does. Damage travels as text: an exception that cannot be pickled would leave the main process
    waiting."""

    def __init__(self, side: int, channels: int, whole: bool, limit: int) -> None:
        self.side, self.channels, self.whole, self.limit = side, channels, whole, limit

    def __getitem__(self, files: list[str]) -> Group:
        canvases = np.empty((len(files), self.side, self.side, self.channels), np.uint8)
        damaged = {}
        read = 0
        for place, file in enumerate(files):
            if self.limit:
                alarm(self.limit)
            try:
                path = Path(file)
                require_regular(path)
                canvases[read] = decode(path, self.side, self.channels, whole=self.whole)
                read += 1
            except CnnwizError as error:
                damaged[place] = str(error)
        if self.limit:
            alarm(0)
        return Group(files, canvases[:read], damaged)


def require_regular(file: Path) -> None:
    """Raise CnnwizError unless this is a regular file: a pipe or device could be read for ever."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise CnnwizError(f"{str(file)!r}: not a regular file")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CnnwizError(f"{str(file)!r}: {reason.lower()}") from None
