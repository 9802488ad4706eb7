"""From what a user names (files, folders, patterns, standard input) to image files, one by one. Nothing is opened."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cnnwiz.data.layout import EXTENSIONS, LEFT_BY_SYSTEMS
from cnnwiz.errors import CnnwizError


def find_files(names: Sequence[str], lines: Iterable[bytes] = ()) -> Iterator[Path]:
    """The files that `names` stand for, in their order; `-` stands for `lines`, a name in each.

    A file is taken whatever its name. Of a folder the images at any depth are taken, sorted: by extension, without
    hidden ones; links to folders are not followed. A name with * ? [ that is no file is a pattern; ** is any depth.
    Raises CnnwizError for a name that stands for nothing, before anything is returned.
    """
    matched = {name: _matching(name) for name in names if name != "-"}
    return _files(names, matched, lines)


def _files(names: Sequence[str], matched: dict[str, list[str]], lines: Iterable[bytes]) -> Iterator[Path]:
    for name in names:
        if name == "-":
            for line in lines:
                if text := os.fsdecode(line.rstrip(b"\r\n")):
                    yield from _below(text)
        else:
            for found in matched[name]:
                yield from _below(found)


def _matching(name: str) -> list[str]:
    if os.path.lexists(name):
        return [name]
    # Path.glob takes no absolute pattern before Python 3.13.
    found = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    found = [one for one in found if not _through_link(one, name)]
    if not found:
        what = "nothing matches this pattern" if glob.has_magic(name) else "no such file or folder"
        raise CnnwizError(f"{name}: {what}")
    return found


def _through_link(found: str, pattern: str) -> bool:
    """Whether a folder that the pattern left open is a link, which could lead round in circles."""
    parts = Path(pattern).parts
    fixed = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    *parents, _ = Path(found).parts
    return any(Path(*parents[: place + 1]).is_symlink() for place in range(fixed, len(parents)))


def _below(name: str) -> Iterator[Path]:
    """A file itself; the images in a folder and its folders."""
    if not Path(name).is_dir():
        yield Path(name)
        return
    for folder, folders, files in os.walk(name, onerror=_unreadable):
        folders[:] = sorted(entry for entry in folders if not _hidden(entry))
        yield from (
            Path(folder, file)
            for file in sorted(files)
            if not _hidden(file) and Path(file).suffix.lower() in EXTENSIONS
        )


def _unreadable(error: OSError) -> None:
    raise CnnwizError(f"{error.filename}: cannot be listed: {error.strerror}") from None


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in LEFT_BY_SYSTEMS
