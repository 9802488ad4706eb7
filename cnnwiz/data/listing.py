"""What a folder of images holds, by names, sizes and first bytes: cheap enough to look at while a spec is checked."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from cnnwiz.data.layout import find_classes, find_images, find_splits
from cnnwiz.errors import CnnwizError

MOST = 10_000  # files; larger folders are looked at by `cnnwiz new` and by training, not here
OPENED = 2_000  # files whose first bytes are read
READ = 64_000_000  # bytes that may be read to compare files of equal size
BEGINNINGS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"GIF8",
    b"RIFF",  # WebP
    b"II*\x00",  # TIFF, both orders of bytes
    b"MM\x00*",
    *(b"P%d" % number for number in range(1, 8)),  # PNM
)


@dataclass(frozen=True)
class Listing:
    """The image files of each class of the training split, and of the other splits that there are."""

    root: Path
    train: dict[str, tuple[Path, ...]]
    splits: dict[str, dict[str, tuple[Path, ...]]]
    """validation and test, where the folder has them."""

    def duplicates(self) -> list[tuple[str, str]]:
        """Pairs (training image, equal file in another split), as paths from the root; none where too much had to be
        read to tell."""
        trained = _by_size(self.train)
        measured = _by_size({f"{split}/{name}": files for split, c in self.splits.items() for name, files in c.items()})
        shared = trained.keys() & measured.keys() - {0}
        if sum(size * (len(trained[size]) + len(measured[size])) for size in shared) > READ:
            return []
        found = []
        for size in sorted(shared):
            known = {_digest(file): file for file in reversed(trained[size])}
            found += [(known[digest], file) for file in measured[size] if (digest := _digest(file)) in known]
        return [(self._shown(first), self._shown(second)) for first, second in sorted(found, key=lambda pair: pair[1])]

    def unreadable(self) -> list[str]:
        """Files that do not begin as an image does, as paths from the root; at most OPENED are opened, evenly drawn."""
        files = [file for classes in (self.train, *self.splits.values()) for some in classes.values() for file in some]
        step = max(len(files) / OPENED, 1)
        chosen = [files[int(number * step)] for number in range(min(len(files), OPENED))]
        return [self._shown(file) for file in chosen if not _begins(file)]

    def _shown(self, file: Path) -> str:
        return str(file.relative_to(self.root)) if file.is_relative_to(self.root) else str(file)


def list_folder(root: Path, named: dict[str, str | None], classes: tuple[str, ...] | None) -> Listing | None:
    """The files below a folder; None where it is not here, is no set of images, or holds more than MOST files."""
    try:
        layout = find_splits(root, named)
        train = _list(layout.train, root, classes)
        others = {"validation": layout.validation, "test": layout.test}
        splits = {split: _list(path, root, classes) for split, path in others.items() if path is not None}
    except (CnnwizError, OSError, ValueError, OverflowError):
        return None
    return Listing(root, train, splits) if any(train.values()) else None


def _list(folder: Path, root: Path, classes: tuple[str, ...] | None) -> dict[str, tuple[Path, ...]]:
    skipped: Counter[str] = Counter()
    found: dict[str, tuple[Path, ...]] = {}
    for name, path in find_classes(folder, skipped).items():
        if classes is not None and name not in classes:
            continue
        if sum(map(len, found.values())) > MOST:
            raise OverflowError(f"more than {MOST} files")
        found[name] = tuple(path / file for file in find_images(path, root, skipped))
    return found


def _by_size(classes: dict[str, tuple[Path, ...]]) -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = defaultdict(list)
    for files in classes.values():
        for file in files:
            found[file.stat().st_size].append(file)
    return found


def _digest(file: Path) -> bytes:
    return hashlib.blake2b(file.read_bytes()).digest()


def _begins(file: Path) -> bool:
    """Whether the first bytes are those of an image format."""
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return os.read(descriptor, 12).startswith(BEGINNINGS)
    finally:
        os.close(descriptor)
