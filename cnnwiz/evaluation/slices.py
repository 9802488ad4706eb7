"""Accuracy of parts of the images: where a good average hides a bad case. Slices by class are rows of `per_class`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnwiz.data.decode import short_side
from cnnwiz.evaluation.intervals import wilson


def by_size(files: tuple[str, ...], correct: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy by the short side in pixels, in steps of a factor of 2; [] where images are not files, or of one step.

    `below` says that the interval ends under the accuracy of all images.
    """
    sides = np.array([short_side(file) for file in files])
    steps = np.array([math.floor(math.log2(side)) if side else -1 for side in sides])
    if len(set(steps.tolist())) < 2:
        return []
    rows = []
    for step in sorted(set(steps.tolist())):
        inside = steps == step
        share = float(correct[inside].mean())
        interval = wilson(share, int(inside.sum()))
        rows.append(
            {
                "from_px": 2**step if step >= 0 else 0,
                "to_px": 2 ** (step + 1) - 1 if step >= 0 else 0,
                "images": int(inside.sum()),
                "accuracy": share,
                "interval": list(interval),
                "below": interval[1] < float(correct.mean()),
            }
        )
    return rows
