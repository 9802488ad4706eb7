"""Reading a folder of images, one folder a class, into records. No image is opened."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from cnnwiz.data.layout import find_classes, find_images, find_splits, in_words
from cnnwiz.data.records import Records, Split, listed
from cnnwiz.errors import CnnwizError


def read_folder(root: Path, named: dict[str, str | None], classes: tuple[str, ...] | None = None) -> Records:
    """All splits of a folder. `named`: the folders that the spec names for train, validation and test.

    `classes` chooses the classes and their order; without it they are the folders of the training split, sorted.
    """
    layout = find_splits(root, named)
    folders = find_classes(layout.train, Counter())
    if not folders:
        raise CnnwizError(
            f"{str(layout.train)!r} holds no folders: put the images of each class in a folder of its own"
        )
    names = tuple(folders) if classes is None else classes
    if missing := [name for name in names if name not in folders]:
        raise CnnwizError(f"{str(layout.train)!r} has no folder for class {listed(missing)}")
    notices = [f"folders beside the splits are not used: {listed(list(layout.unused))}"] if layout.unused else []
    if extra := [name for name in folders if name not in names]:
        notices.append(f"classes not in data.source.folder.classes are not used: {listed(extra)}")
    train = _read_split("train", layout.train, root, names, notices)
    paths = {split: path for split in ("validation", "test") if (path := getattr(layout, split)) is not None}
    found = {name for path in paths.values() for name in find_classes(path, Counter())}
    unseen = tuple(sorted(found - set(folders)))
    others = {split: _read_split(split, path, root, names, notices, unseen) for split, path in paths.items()}
    return Records(names, train, others.get("validation"), others.get("test"), tuple(notices), unseen)


def _read_split(
    split: str, path: Path, root: Path, names: tuple[str, ...], notices: list[str], unseen: tuple[str, ...] = ()
) -> Split:
    """The images of one split, class by class, then of classes that training does not know; what was skipped or is
    missing goes to `notices`."""
    skipped: Counter[str] = Counter()
    folders = find_classes(path, skipped)
    labels: list[int] = []
    files: list[str] = []
    keys: list[str] = []
    names = (*names, *unseen)
    for label, name in enumerate(names):
        found = find_images(folders[name], root, skipped) if name in folders else []
        if not found and split == "train":
            raise CnnwizError(
                f"no image in {str(folders[name])!r}{_because(skipped)}: add images, or remove the folder"
            )
        if not found and not unseen:
            notices.append(f"no {split} image of class {name!r}")
        labels += [label] * len(found)
        files += [f"{folders[name]}{os.sep}{file}" for file in found]
        keys += [f"{name}/{file}" for file in found]
    if skipped:
        notices.append(f"{split}: not used: {in_words(skipped)}")
    return Split(np.array(labels, np.int64), tuple(keys), tuple(files))


def _because(skipped: Counter[str]) -> str:
    return f" (skipped: {', '.join(sorted(skipped))})" if skipped else ""
