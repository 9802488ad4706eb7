"""How a folder of images is laid out: its splits, its classes, what is skipped. Names only; nothing is opened."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from cnnwiz.errors import CnnwizError

SPLITS = {
    "train": ("train", "training", "training_set"),
    "validation": ("val", "valid", "validation", "validation_set"),
    "test": ("test", "testing", "test_set"),
}
EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")  # what decode.py reads
)
LEFT_BY_SYSTEMS = frozenset(("Thumbs.db", "desktop.ini", "__MACOSX", "@eaDir"))


class Layout(NamedTuple):
    """Where each split lies, and folders beside the splits that are not used."""

    train: Path
    validation: Path | None
    test: Path | None
    unused: tuple[str, ...]


def find_splits(root: Path, named: dict[str, str | None]) -> Layout:
    """The splits below `root`: those named in the spec, else those recognised by name, else all of it for training."""
    folders = [entry.name for entry in _scan(root) if _no_class(entry) is None]
    found = {split: _split_folder(root, split, folders, named[split]) for split in SPLITS}
    if not any(found.values()):
        return Layout(root, None, None, ())
    train = found["train"]
    if train is None:
        present = next(path for path in found.values() if path is not None)
        raise CnnwizError(
            f"{str(root)!r} holds {present.name!r} but no folder train: name it in data.source.folder.train"
        )
    used = {path for path in found.values() if path is not None}
    unused = tuple(sorted(name for name in folders if not any(_inside(path, root / name) for path in used)))
    return Layout(train, found["validation"], found["test"], unused)


def find_classes(folder: Path, skipped: Counter[str]) -> dict[str, Path]:
    """Class name (Unicode NFC) to folder, sorted by name. What is passed over is counted in `skipped` by reason."""
    classes: dict[str, Path] = {}
    for entry in _scan(folder):
        if reason := _no_class(entry):
            skipped[reason] += 1
            continue
        name = unicodedata.normalize("NFC", entry.name)
        if name in classes:
            raise CnnwizError(
                f"{str(folder)!r}: two folders are both named {name!r} once Unicode is normalized: rename one"
            )
        classes[name] = folder / entry.name
    return dict(sorted(classes.items()))


def find_images(folder: Path, root: Path, skipped: Counter[str]) -> list[str]:
    """Names of the image files directly in `folder`, sorted; what is passed over is counted in `skipped` by reason.

    Only regular files count, looked at but never opened; a link to a file counts when its target lies below `root`.
    """
    names = []
    for entry in _scan(folder):
        if reason := _no_image(entry, root):
            skipped[reason] += 1
        else:
            names.append(entry.name)
    return sorted(names)


def in_words(skipped: Counter[str]) -> str:
    """What was passed over, as `2 hidden, 1 empty folders`."""
    return ", ".join(f"{skipped[reason]} {reason}" for reason in sorted(skipped))


def file_facts(file: str | Path) -> os.stat_result:
    """Size and times of a file that was listed. Raises CnnwizError where it is no longer there."""
    try:
        return os.stat(file)  # noqa: PTH116 - of very many files
    except OSError as error:
        raise CnnwizError(f"{str(file)!r}: {error.strerror}: the folder changed while it was read") from None


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        raise CnnwizError(
            f"no such folder: {str(folder)!r}; paths in the spec start at the current directory"
        ) from None
    except OSError as error:
        raise CnnwizError(f"cannot list {str(folder)!r}: {error.strerror}") from None


def _split_folder(root: Path, split: str, folders: list[str], named: str | None) -> Path | None:
    """The folder of one split: as named in the spec, or the one whose name says it."""
    if named is not None:
        return root / named
    matching = sorted(name for name in folders if name.casefold() in SPLITS[split])
    if len(matching) > 1:
        listing = " and ".join(repr(name) for name in matching)
        raise CnnwizError(f"{str(root)!r} holds both {listing}: name one in data.source.folder.{split}")
    return root / matching[0] if matching else None


def _no_class(entry: os.DirEntry[str]) -> str | None:
    """Why this is not a folder of a class (or split), or None. Links to folders are never followed."""
    if _hidden(entry.name):
        return "hidden"
    if entry.is_dir(follow_symlinks=False):
        return None
    return "links to folders" if entry.is_dir() else "files outside the class folders"


def _no_image(entry: os.DirEntry[str], root: Path) -> str | None:
    """Why this is not an image file, or None."""
    if _hidden(entry.name):
        return "hidden"
    if entry.is_dir(follow_symlinks=False):
        return "folders inside a class"
    if os.path.splitext(entry.name)[1].lower() not in EXTENSIONS:  # noqa: PTH122 - of very many files
        return "not an image by extension"
    if entry.is_symlink() and not (entry.is_file() and _inside(Path(entry.path).resolve(), root.resolve())):
        return "links that are broken or lead outside"
    return None if entry.is_file() else "not regular files"


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in LEFT_BY_SYSTEMS


def _inside(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
