"""Whether one network is better than another, from what both say of the same images, or each of its own."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cnnwiz.evaluation.intervals import Interval, Z, wilson


@dataclass(frozen=True)
class Comparison:
    """Accuracy of the second less that of the first."""

    difference: float
    interval: Interval
    paired: bool
    only_first: int | None = None  # images that only the first gets right
    only_second: int | None = None
    p: float | None = None  # exact McNemar test, two-sided

    @property
    def clear(self) -> bool:
        """Whether the 95 % interval leaves out 0."""
        return self.interval[0] > 0 or self.interval[1] < 0

    def as_json(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return asdict(self) | {"interval": list(self.interval), "clear": self.clear}


def paired(first: np.ndarray, second: np.ndarray) -> Comparison:
    """From whether each of the same images (N,) is right in the first and in the second network.

    Interval: Wald's with half an image added to each cell (Agresti, Min: Biostatistics 2005). Test: exact McNemar.
    """
    from scipy.stats import binomtest

    images = len(first)
    lost, won = int((first & ~second).sum()), int((second & ~first).sum())
    total, b, c = images + 2, lost + 0.5, won + 0.5
    centre = (c - b) / total
    half = Z * math.sqrt((b + c) - (c - b) ** 2 / total) / total
    p = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    return Comparison((won - lost) / images, (centre - half, centre + half), True, lost, won, p)


def apart(first: float, count: int, second: float, other: int) -> Comparison:
    """From two accuracies on different images: Newcombe's interval from the two Wilson intervals (method 10, Statistics
    in Medicine 1998)."""
    (low1, high1), (low2, high2) = wilson(first, count), wilson(second, other)
    difference = second - first
    low = difference - math.sqrt((second - low2) ** 2 + (high1 - first) ** 2)
    high = difference + math.sqrt((high2 - second) ** 2 + (first - low1) ** 2)
    return Comparison(difference, (low, high), False)
