"""Which files `cnnwiz lint` looks at: those named, and the specs in directories."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cnnwiz.errors import CnnwizError
from cnnwiz.spec.reader import MAX_BYTES

STDIN = "-"
_SPEC = re.compile(rb"""^\{?[ \t]*["']?cnnwiz["']?[ \t]*:""", re.MULTILINE)
"""What tells a spec in a directory from other YAML: its key `cnnwiz`."""


def sources(names: Sequence[str], excludes: Callable[[Path], bool], specs_only: bool = False) -> list[str]:
    """The files to look at, each once, in the order of their paths, whatever the order of `names`.

    `specs_only`: files that are named must have the key of specs too, and may not be excluded.
    """
    found: dict[Path, str] = {}
    for name in names:
        if name != STDIN and Path(name).is_dir():
            for path in _specs(Path(name), excludes):
                found.setdefault(Path(path).resolve(), str(path))
        elif name == STDIN or not specs_only or (_is_spec(Path(name)) and not excludes(Path(name))):
            found.setdefault(Path(name).resolve(), name)
    return sorted(found.values(), key=lambda name: Path(name).parts)


def watched(names: Sequence[str], excludes: Callable[[Path], bool]) -> list[Path]:
    """The files to look at, and the folders in which others may appear."""
    folders = [here for name in names if Path(name).is_dir() for here, _ in walked(Path(name), excludes)]
    return [*map(Path, sources(names, excludes)), *folders]


def common_folder(names: Sequence[str]) -> Path:
    """The folder that holds all of `names`; the working directory for standard input."""
    folders = [Path.cwd() if name == STDIN else Path(name).resolve() for name in names]
    folders = [folder if folder.is_dir() else folder.parent for folder in folders]
    try:
        return Path(os.path.commonpath(folders)) if folders else Path.cwd()
    except ValueError:  # several drives
        return folders[0]


def walked(folder: Path, excludes: Callable[[Path], bool]) -> Iterator[tuple[Path, list[str]]]:
    """(folder, its files) from `folder` downwards, but for hidden ones, virtual environments and what is excluded."""

    def stop(error: OSError) -> None:
        raise CnnwizError(f"{error.filename}: cannot be read: {error.strerror}")

    for parent, folders, files in os.walk(folder, onerror=stop):
        here = Path(parent)
        folders[:] = [name for name in sorted(folders) if not _skipped(here / name) and not excludes(here / name)]
        yield here, sorted(files)


def _specs(folder: Path, excludes: Callable[[Path], bool]) -> Iterator[Path]:
    for here, files in walked(folder, excludes):
        for path in (here / name for name in files if name.endswith((".yaml", ".yml"))):
            if not excludes(path) and _is_spec(path):
                yield path


def _skipped(folder: Path) -> bool:
    return folder.name.startswith(".") or (folder / "pyvenv.cfg").exists()


def _is_spec(path: Path) -> bool:
    """Whether a file has the key of specs; one that cannot be read is left to the reader, which says why."""
    try:
        with path.open("rb") as file:
            return _SPEC.search(file.read(MAX_BYTES + 1).removeprefix(b"\xef\xbb\xbf")) is not None
    except OSError:
        return True
