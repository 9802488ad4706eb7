"""Decoded images on disk: one memory-mapped file for a whole data set, shared by every run that names its folder.

KEY.npy holds the canvases, KEY.json their digest. The key is made of the files' names, sizes and times of change and of
the canvas, so a file that changed makes another key. Nothing is read whose digest does not agree.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL

from cnnwiz.data.layout import file_facts
from cnnwiz.data.pixels import CHUNK, Pixels, decoded, histogram_of, require_readable
from cnnwiz.data.records import Split
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.data.pixels import Progress

FORMAT = 1
LIMIT = 64 * 2**30  # bytes of one cache folder
BLOCK = 4 * 2**20  # bytes hashed at a time


class NoRoom(Exception):
    """The canvases may not or cannot be kept; the text says why."""


@dataclass(frozen=True)
class Cache:
    """A folder of decoded images. `always`: keep every set there, not only those that do not fit into memory."""

    folder: Path
    always: bool = True
    limit: int = LIMIT

    def find(self, key: str, shape: tuple[int, ...]) -> tuple[np.ndarray | None, str | None]:
        """The canvases of a key as a read-only array over the file, if they are here and whole; and what to tell."""
        data, about = self._paths(key)
        try:
            known = json.loads(about.read_text(encoding="utf-8"))
            whole = known["sha256"] == _digest(data)
        except FileNotFoundError:
            return None, None
        except (OSError, ValueError, LookupError, TypeError):
            whole = False
        if not whole:
            return None, f"{data} is damaged: its images are decoded again"
        os.utime(about)  # the last to be removed when room is needed
        array = np.load(data, mmap_mode="r", allow_pickle=False)
        return (np.asarray(array), None) if array.shape == shape else (None, None)

    def write(self, key: str, shape: tuple[int, ...], chunks: Iterable[np.ndarray]) -> np.ndarray:
        """Keep canvases uint8 of this shape, which come in chunks along the first axis, and return them as `find` does.

        Raises NoRoom where they may take too much or the disk refuses, and what `chunks` raises.
        """
        data, about = self._paths(key)
        temporary = data.with_suffix(".tmp")
        try:
            self._make_room(math.prod(shape))
            with temporary.open("wb") as file:
                np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
                for chunk in chunks:
                    file.write(np.ascontiguousarray(chunk).data)
                file.flush()
                os.fsync(file.fileno())
            digest = _digest(temporary)
            about.unlink(missing_ok=True)  # it must never stand beside other data
            temporary.replace(data)
            aside = about.with_suffix(".new")
            aside.write_text(json.dumps({"format": FORMAT, "shape": shape, "sha256": digest}), encoding="utf-8")
            aside.replace(about)
        except OSError as error:
            raise NoRoom(f"{self.folder} cannot keep decoded images: {(error.strerror or 'error').lower()}") from None
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        return np.asarray(np.load(data, mmap_mode="r", allow_pickle=False))

    def remove(self) -> None:
        """Delete the sets kept here, as far as the disk allows, and the folder if nothing else is in it."""
        with contextlib.suppress(OSError):  # not there, or not empty
            for path in (*self.folder.glob("*.npy"), *self.folder.glob("*.json"), self.folder / ".lock"):
                path.unlink(missing_ok=True)
            self.folder.rmdir()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from writing here meanwhile: they wait, and then find what was written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise CnnwizError(f"--cache {self.folder}: cannot be written: {error.strerror}") from None
        try:
            with contextlib.suppress(ImportError, OSError):  # Windows, or a file system without locks
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make_room(self, size: int) -> None:
        """Remove the sets that were used longest ago, as far as that makes room for `size` bytes."""
        for stray in (*self.folder.glob("*.tmp"), *self.folder.glob("*.new")):
            stray.unlink(missing_ok=True)
        kept = sorted(self.folder.glob("*.npy"), key=lambda path: _used(path.with_suffix(".json")))
        used = sum(path.stat().st_size for path in kept)
        most = min(self.limit, (shutil.disk_usage(self.folder).free + used) // 2)
        if size > most:
            needed, room = _gigabytes(size), _gigabytes(most)
            raise NoRoom(
                f"decoded images are not kept: they take {needed}, and {self.folder} may hold {room}, at most half of "
                "what is free; --cache DIR names a larger disk"
            )
        for path in kept:
            if used + size <= most:
                return
            used -= path.stat().st_size
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink()

    def _paths(self, key: str) -> tuple[Path, Path]:
        return self.folder / f"{key}.npy", self.folder / f"{key}.json"


def key_of(files: Sequence[str], side: int, channels: int) -> str:
    """The name under which the canvases of these files, in this order, are kept, wherever their folder lies."""
    digest = hashlib.sha256(f"{FORMAT} {PIL.__version__} {side} {channels}\n".encode())
    for file in files:
        facts = file_facts(file)
        name = "/".join(file.rsplit(os.sep, 2)[-2:])
        digest.update(f"{name}\0{facts.st_size} {facts.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def read_cached(
    cache: Cache, splits: dict[str, Split], side: int, channels: int, workers: int, progress: Progress | None
) -> tuple[dict[str, Pixels] | None, list[str]]:
    """The splits with their canvases from the cache, which is filled where they are not in it; None where it has no
    room. And what to tell the user. Raises CnnwizError for images that cannot be read."""
    names = {name: split.files for name, split in splits.items()}
    files = sorted({file for some in names.values() for file in some})
    with cache.held():
        key, shape = key_of(files, side, channels), (len(files), side, side, channels)
        array, notice = cache.find(key, shape)
        notices = [notice] if notice else []
        if array is None:
            try:
                array = cache.write(key, shape, _canvases(files, side, channels, workers, progress))
            except NoRoom as reason:
                return None, [*notices, str(reason)]
    place = {file: row for row, file in enumerate(files)}
    found = {}
    for name, split in splits.items():
        rows = np.array([place[file] for file in names[name]], np.int64)
        histogram = sum(histogram_of(array[part]) for part in np.array_split(rows, len(rows) // CHUNK + 1))
        found[name] = Pixels(split, side, channels, workers, array, np.asarray(histogram), rows=rows)
    return found, notices


def _canvases(
    files: Sequence[str], side: int, channels: int, workers: int, progress: Progress | None
) -> Iterator[np.ndarray]:
    """All files decoded, chunk by chunk; CnnwizError behind the last if any is damaged."""
    split = Split(np.zeros(len(files), np.int64), tuple(files), tuple(files))
    groups = [np.arange(start, min(start + CHUNK, len(files))) for start in range(0, len(files), CHUNK)]
    damaged: list[str] = []
    for group, (canvases, unread) in zip(groups, decoded(split, side, channels, groups, workers), strict=True):
        damaged += unread
        yield canvases
        if progress is not None:
            progress(int(group[-1]) + 1, len(files))
    require_readable(damaged, len(files))


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            total.update(block)
    return total.hexdigest()


def _used(about: Path) -> float:
    """When a set was last used; one without digest first of all."""
    try:
        return about.stat().st_mtime
    except OSError:
        return 0.0


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
