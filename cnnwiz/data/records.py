"""What a data source hands over: labelled images, as files or as pixels. Nothing is read or decoded here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one split, either as files or as pixels, in an order that is the same on every machine."""

    labels: np.ndarray  # int64 (N,), index into Records.classes + Records.unseen
    keys: tuple[str, ...]  # identity of each image: path below the split's folder with /, or its index as text
    files: tuple[str, ...] = ()  # as text: sixty thousand Path objects take a second to make and to read
    pixels: np.ndarray | None = None  # uint8 (N, H, W, C), C = 1 or 3
    boxes: np.ndarray | None = None  # float32 (N, M, 5): left, top, right, bottom as shares, class; -1 fills up

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, chosen: np.ndarray) -> Split:
        """The images where the boolean mask `chosen` (N,) is true, in the same order."""
        places = np.flatnonzero(chosen)
        return Split(
            self.labels[places],
            tuple(self.keys[i] for i in places),
            tuple(self.files[i] for i in places) if self.files else (),
            None if self.pixels is None else self.pixels[places],
            None if self.boxes is None else self.boxes[places],
        )


@dataclass(frozen=True, eq=False)
class Records:
    """Everything a data source holds. `classes` are those of the training split; validation and test may hold more,
    `unseen`, whose labels follow.

    Raises CnnwizError where there is one class only, or a class without a training image.
    """

    classes: tuple[str, ...]
    train: Split
    validation: Split | None = None
    test: Split | None = None
    notices: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        boxes = self.train.boxes
        if len(self.classes) < 2 and boxes is None:
            raise CnnwizError(f"the data has {len(self.classes)} class; a classifier needs at least 2")
        labels = self.train.labels if boxes is None else boxes[..., 4][boxes[..., 4] >= 0].astype(np.int64)
        counts = np.bincount(labels, minlength=len(self.classes))
        empty = [name for name, count in zip(self.classes, counts, strict=True) if not count]
        if empty:
            raise CnnwizError(f"no training image in class {listed(empty)}: add images, or remove the class")


def listed(names: list[str], most: int = 5) -> str:
    """Names from the data as text for one line: quoted, control characters escaped, cut after `most`."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + rest
