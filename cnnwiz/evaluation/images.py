"""Which images a network is judged on: a split of the run's own data, or other labelled images."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnwiz.data.arrays import read_npz
from cnnwiz.data.layout import SPLITS, find_classes, find_images, in_words
from cnnwiz.data.pixels import Pixels, memory_for_images, read_pixels
from cnnwiz.data.prepare import fingerprint, present, split_records
from cnnwiz.data.records import Split, listed
from cnnwiz.data.voc import read_voc
from cnnwiz.errors import CnnwizError
from cnnwiz.spec import load
from cnnwiz.training.run import read_record

if TYPE_CHECKING:
    from cnnwiz.evaluation.trained import Trained
    from cnnwiz.spec.document import Data


class Images(NamedTuple):
    """Labelled images as the run's preprocessing cuts them."""

    pixels: Pixels  # labels are indices into `classes`
    classes: tuple[str, ...]  # those of the run; for task embed those of these images
    notices: tuple[str, ...]


class Found(NamedTuple):
    """Some labelled images with the names that their labels stand for."""

    split: Split | None
    names: tuple[str, ...]
    notices: tuple[str, ...] = ()


def images_of(
    trained: Trained, split: str, data: Path | None = None, workers: int = 0, most: int | None = None
) -> Images:
    """The images of `split` of the run's own data, or of `data`: a folder of class folders, or of split folders that
    hold them; an .npz file; or a spec whose source they come from. Classes are matched by name, never by place. At most
    `most` images, evenly spread.

    Raises CnnwizError: no such images, classes that the run does not know, files that cannot be read.
    """
    found = _own(trained, split) if data is None else _other(trained, data, split)
    if found.split is None or not len(found.split):
        raise CnnwizError(
            f"{'the data has' if data is None else f'{data}: holds'} no {split} images; take another --split"
        )
    chosen = found.split if trained.embeds else _renamed(found.split, found.names, trained)
    if most is not None and len(chosen) > most:
        spread = np.zeros(len(chosen), bool)
        spread[np.linspace(0, len(chosen) - 1, most).round().astype(int)] = True
        chosen = chosen.subset(spread)
    facts = trained.preprocessing
    pixels = read_pixels(chosen, facts["canvas"], facts["channels"], workers, memory_for_images())
    if pixels.damaged:
        more = f"; and {len(pixels.damaged) - 5} more" if len(pixels.damaged) > 5 else ""
        listing = "; ".join(pixels.damaged[:5]) + more
        raise CnnwizError(f"{len(pixels.damaged)} of {len(chosen)} images cannot be read: {listing}")
    return Images(pixels, found.names if trained.embeds else trained.classes, found.notices)


def _own(trained: Trained, split: str) -> Found:
    """A split of the data that the run was trained on, and a notice where they have changed since."""
    records, _ = split_records(offline(trained.spec.data), trained.spec.training.seed)
    names = (*records.classes, *records.unseen)
    then = read_record(trained.run).get("data")
    now = fingerprint(names, present(records))
    changed = isinstance(then, dict) and then.get("sha256") not in (None, now["sha256"])
    notice = f"the data have changed since {trained.run} was trained: these may not be the images it was kept from"
    return Found(present(records).get(split), names, (notice,) if changed else ())


def _other(trained: Trained, data: Path, split: str) -> Found:
    """Images that the user names."""
    if data.is_dir() and trained.detects:
        records = read_voc(data, None, None, 1)
        return Found(present(records).get(split), records.classes, records.notices)
    if data.is_dir():
        return _folder(data, split)
    if data.suffix == ".npz":
        records, notices = read_npz(data), []
    else:
        spec = load(data)
        records, notices = split_records(offline(spec.data), spec.training.seed)
    return Found(present(records).get(split), (*records.classes, *records.unseen), tuple(notices))


def _folder(root: Path, split: str) -> Found:
    """The images of a folder: of its folder for this split, or, where it has no folders of splits, all of them."""
    skipped: Counter[str] = Counter()
    folders = find_classes(root, skipped)
    of_splits = {
        name: path for name, path in folders.items() if any(name.casefold() in words for words in SPLITS.values())
    }
    if of_splits:
        mine = [path for name, path in of_splits.items() if name.casefold() in SPLITS[split]]
        if len(mine) != 1:
            raise CnnwizError(
                f"{str(root)!r} holds {listed(sorted(of_splits))}: name one of them instead, or take another --split"
            )
        root, skipped = mine[0], Counter()
        folders = find_classes(root, skipped)
    if not folders:
        raise CnnwizError(f"{str(root)!r} holds no folders: put the images of each class in a folder of its own")
    labels, keys, files = [], [], []
    for label, (name, folder) in enumerate(folders.items()):
        found = find_images(folder, root, skipped)
        labels += [label] * len(found)
        keys += [f"{name}/{file}" for file in found]
        files += [f"{folder}{os.sep}{file}" for file in found]
    images = Split(np.array(labels, np.int64), tuple(keys), tuple(files))
    return Found(images, tuple(folders), (f"not used: {in_words(skipped)}",) if skipped else ())


def _renamed(split: Split, names: tuple[str, ...], trained: Trained) -> Split:
    """The split with the run's class numbers in place of its own."""
    places = {name: index for index, name in enumerate(trained.classes)}
    rows = None if split.boxes is None else split.boxes[..., 4].astype(np.int64)
    labels = split.labels if rows is None else rows[rows >= 0]
    unknown = [names[label] for label in np.unique(labels) if names[label] not in places]
    if unknown:
        raise CnnwizError(
            f"class {listed(unknown)} is none of those the run was trained on: {listed(list(trained.classes))}"
        )
    numbers = np.array([places.get(name, -1) for name in names], np.int64)
    if split.boxes is None or rows is None:
        return dataclasses.replace(split, labels=numbers[split.labels])
    boxes = split.boxes.copy()
    boxes[..., 4] = np.where(rows >= 0, numbers[rows], -1)
    return dataclasses.replace(split, boxes=boxes)


def offline(data: Data) -> Data:
    """The data section without permission to download: judging a run never does, whoever wrote it."""
    source = data.source
    if "download" not in type(source).model_fields:
        return data
    return data.model_copy(update={"source": source.model_copy(update={"download": False})})
