"""The measurements of a network that finds objects: average precision of each class, with intervals over images."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation.intervals import METHODS, RESAMPLES, bootstrap
from cnnwiz.evaluation.outputs import Outputs
from cnnwiz.evaluation.trained import Trained
from cnnwiz.training.detect import Judged, boxes_of, detected, judged, maps_of, mean_precision, precision_of

MOST_IMAGES = 1_000  # of which resamples are drawn; more would take minutes


def detection(trained: Trained, outputs: Outputs) -> dict[str, Any]:
    """`map` (mean average precision over IoU 0.5 to 0.95), `map50`, `loss` and rows `per_class` (class, boxes, found,
    ap, ap50). Intervals are None for more than 1,000 images. Raises CnnwizError where the images have no boxes."""
    truth = outputs.pixels.split.boxes
    if truth is None:
        raise CnnwizError("these images have no boxes to measure by: take a folder of Pascal VOC, or a spec with one")
    found = boxes_of(trained.spec, maps_of(trained.spec, outputs.scores))
    classes = [judged(found, truth, label) for label in range(len(outputs.classes))]
    rows = [precision_of(some) for some in classes]
    measured = detected(trained.spec, outputs.scores, outputs.targets)
    lows, highs = _intervals(classes, len(outputs)) if len(outputs) <= MOST_IMAGES else (None, None)
    return {
        "accuracy": None,
        "accuracy_interval": None,
        "loss": measured["loss"],
        **_with_interval("map", measured["map"], lows, highs, 0),
        **_with_interval("map50", measured["map50"], lows, highs, 1),
        "per_class": [
            {"class": name, "boxes": row.boxes, "found": row.found}
            | _with_interval("ap", row.ap, lows, highs, 2 + 2 * label)
            | _with_interval("ap50", row.ap50, lows, highs, 3 + 2 * label)
            for label, (name, row) in enumerate(zip(outputs.classes, rows, strict=True))
        ],
        "intervals": {"map, map50, ap, ap50": METHODS["bootstrap"]},
    }


def _intervals(classes: list[Judged], images: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the intervals of mAP, mAP50, and AP and AP50 of each class."""

    def measured(chosen: np.ndarray) -> np.ndarray:
        times = np.bincount(chosen, minlength=images)
        rows = [precision_of(some, times) for some in classes]
        means = mean_precision(rows)
        values = [means["map"], means["map50"], *(value for row in rows for value in (row.ap, row.ap50))]
        return np.array([np.nan if value is None else value for value in values])

    return bootstrap(measured, images, RESAMPLES)


def _with_interval(
    name: str, value: float | None, lows: np.ndarray | None, highs: np.ndarray | None, place: int
) -> dict[str, Any]:
    ends = None if value is None or lows is None or highs is None else [float(lows[place]), float(highs[place])]
    return {name: value, f"{name}_interval": None if ends is None or not np.isfinite(ends).all() else ends}
