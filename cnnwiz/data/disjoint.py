"""Splits by class: validation and test hold classes that training never sees, as people on another day at the door."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from cnnwiz.data.records import Records, Split, listed
from cnnwiz.data.split import digest_of
from cnnwiz.errors import CnnwizError


def by_class(records: Records, fraction: float, seed: int) -> Records:
    """Records whose validation and test hold other classes than training; trained classes come first in the numbering.

    Without a validation split `fraction` of the training classes, at least 2, becomes one. Test images of trained
    classes are left out, with a notice.
    """
    aside = np.zeros(len(records.classes), bool)
    if records.validation is None and fraction:
        aside = _drawn(records.classes, fraction, seed)
    trained = np.concatenate([~aside, np.zeros(len(records.unseen), bool)])
    order = np.argsort(~trained, kind="stable")
    names = [(*records.classes, *records.unseen)[number] for number in order]
    numbers = np.argsort(order)
    notices = list(records.notices)
    if aside.any():
        notices.append(f"validation holds {aside.sum()} of {len(aside)} classes, which training does not see")

    def other(name: str, split: Split | None) -> Split | None:
        """The images of a split whose class is not trained."""
        if split is None:
            return None
        kept = ~trained[split.labels]
        if name == "test" and not kept.all():
            notices.append(f"{(~kept).sum()} {name} images are left out: training sees their classes")
        return _renumbered(split.subset(kept), numbers) if kept.any() else None

    validation = other("validation", records.train if aside.any() else records.validation)
    test = other("test", records.test)
    train = _renumbered(records.train.subset(trained[records.train.labels]), numbers)
    count = int(trained.sum())
    return Records(tuple(names[:count]), train, validation, test, tuple(notices), tuple(names[count:]))


def require_trained(records: Records) -> None:
    """Raise CnnwizError where validation or test holds a class that training does not."""
    for name, split in (("validation", records.validation), ("test", records.test)):
        if split is None:
            continue
        known = len(records.classes)
        unknown = [records.unseen[number - known] for number in np.unique(split.labels) if number >= known]
        if unknown:
            raise CnnwizError(
                f"class {listed(unknown)} is in {name} but none in train: add it there, remove it, or, for task embed, "
                "write data.split: classes"
            )


def _drawn(classes: tuple[str, ...], fraction: float, seed: int) -> np.ndarray:
    """Which classes to set aside, as a boolean mask, by the hash of their names: other classes change little."""
    if len(classes) < 4:
        raise CnnwizError(f"data.split: classes sets whole classes aside: it needs 4 or more, not {len(classes)}")
    wanted = min(max(math.floor(fraction * len(classes) + 0.5), 2), len(classes) - 2)
    ranks = [digest_of(seed, name) for name in classes]
    chosen = np.zeros(len(classes), bool)
    chosen[sorted(range(len(classes)), key=ranks.__getitem__)[:wanted]] = True
    return chosen


def _renumbered(split: Split, numbers: np.ndarray) -> Split:
    return dataclasses.replace(split, labels=numbers[split.labels])
