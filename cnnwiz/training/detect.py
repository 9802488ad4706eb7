"""How good boxes are: average precision as COCO counts it, over classes and over how well a box has to fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor

from cnnwiz.catalog.detection import DetectionHead
from cnnwiz.nn.detection import Boxes, found_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnnwiz.spec import Spec

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Intersection over union that a box must reach: AP is the mean over these, AP50 the first alone."""
RECALLS = np.linspace(0, 1, 101)
CHUNK = 256  # images whose loss is computed at a time


class Judged(NamedTuple):
    """The boxes of one class that were found in all images, the highest score first."""

    images: np.ndarray  # int64 (n,): the image of each
    hits: np.ndarray  # bool (thresholds, n): whether it fits a true box that none before it took
    boxes: np.ndarray  # int64 (N,): true boxes of each image


class Precision(NamedTuple):
    """Average precision of one class; None where no image has it."""

    boxes: int  # drawn by people
    found: int  # by the network, of any score
    ap: float | None  # mean over THRESHOLDS
    ap50: float | None


def detected(spec: Spec, outputs: Tensor, targets: Tensor) -> dict[str, float | None]:
    """Metrics of maps (N, (K + 5) * H * W) with boxes (N, M, 5): `loss`, `accuracy` (None), `map` and `map50`."""
    maps = maps_of(spec, outputs)
    loss = spec.loss.build(maps.shape[1] - 5)
    parts = zip(maps.split(CHUNK), targets.split(CHUNK), strict=True)
    total = sum(loss(some, truth).item() * len(some) for some, truth in parts)
    measured = mean_precision(precisions(boxes_of(spec, maps), targets.numpy(), maps.shape[1] - 5))
    return {"loss": total / len(maps), "accuracy": None, **measured}


def maps_of(spec: Spec, outputs: Tensor) -> Tensor:
    """Rows (N, (K + 5) * H * W) as maps (N, K + 5, H, W); images are squares, and so are maps."""
    assert spec.data.classes, "a resolved spec knows its classes"
    channels = spec.data.classes + 5
    side = math.isqrt(outputs[0].numel() // channels)
    return outputs.reshape(len(outputs), channels, side, side)


def boxes_of(spec: Spec, maps: Tensor) -> list[Boxes]:
    """The boxes in each image of maps (N, K + 5, H, W), as the spec's head picks them."""
    head = spec.model.head
    assert isinstance(head, DetectionHead), "task detect has a detection head"
    return [
        found for some in maps.split(CHUNK) for found in found_in(some, maps.shape[1] - 5, head.threshold, head.overlap)
    ]


def mean_precision(rows: Sequence[Precision]) -> dict[str, float | None]:
    """`map` and `map50`: means over the classes that have boxes."""
    known = [(row.ap, row.ap50) for row in rows if row.ap is not None and row.ap50 is not None]
    if not known:
        return {"map": None, "map50": None}
    ap, ap50 = np.mean(known, axis=0).tolist()
    return {"map": ap, "map50": ap50}


def precisions(found: Sequence[Boxes], targets: np.ndarray, classes: int) -> list[Precision]:
    """Average precision of each class from the boxes of each image and the true ones (N, M, 5)."""
    return [precision_of(judged(found, targets, label)) for label in range(classes)]


def judged(found: Sequence[Boxes], targets: np.ndarray, label: int) -> Judged:
    """The boxes of one class that were found, and which of them fit."""
    scores, hits, boxes = [], [], []
    for image, truth in zip(found, targets, strict=True):
        mine = (image.classes == label).numpy()
        true = truth[truth[:, 4] == label, :4].astype(float)
        scores.append(image.scores.numpy()[mine])
        hits.append(_hits(image.boxes.numpy()[mine].astype(float), true))
        boxes.append(len(true))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    images = np.repeat(np.arange(len(scores)), [len(some) for some in scores])
    return Judged(images[order], np.concatenate(hits, axis=1)[:, order], np.array(boxes))


def precision_of(found: Judged, times: np.ndarray | None = None) -> Precision:
    """Average precision of a class; `times` says how often each image counts, by default once."""
    times = np.ones(len(found.boxes)) if times is None else times
    weights, boxes = times[found.images], int(times @ found.boxes)
    if not boxes:
        return Precision(0, int(weights.sum()), None, None)
    areas = _areas(found.hits * weights, weights, boxes)
    return Precision(boxes, int(weights.sum()), float(areas.mean()), float(areas[0]))


def _hits(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which boxes (n, 4), the highest score first, fit a true one (m, 4) that none before took: (thresholds, n)."""
    hits = np.zeros((len(THRESHOLDS), len(boxes)), bool)
    if not len(truth):
        return hits
    free, overlap = np.ones((len(THRESHOLDS), len(truth)), bool), overlaps(boxes, truth)
    for number, row in enumerate(overlap):
        fits = np.where(free & (row >= THRESHOLDS[:, None]), row, -1)
        best = len(truth) - 1 - fits[:, ::-1].argmax(1)  # of equals the last, as COCO takes it
        hits[:, number] = fits.max(1) >= 0
        free[hits[:, number], best[hits[:, number]]] = False
    return hits


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (n, 4) and (m, 4): (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    own, other = ((some[:, 2:] - some[:, :2]).prod(1) for some in (first, second))
    return shared / np.maximum(own[:, None] + other[None] - shared, np.finfo(float).tiny)


def _areas(right: np.ndarray, found: np.ndarray, boxes: int) -> np.ndarray:
    """Area below the precision at 101 recalls, for each threshold: precision is the highest at that recall or more.

    `right` (thresholds, n) and `found` (n,) count the boxes, the highest score first.
    """
    right, found = right.cumsum(1), found.cumsum()
    recall, precision = right / boxes, right / np.maximum(found, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(precision, ((0, 0), (0, 1)))
    return np.array([row[np.searchsorted(r, RECALLS)].mean() for row, r in zip(padded, recall, strict=True)])
