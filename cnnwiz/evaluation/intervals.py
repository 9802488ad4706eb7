"""95 % intervals: closed forms where there is one, the bootstrap over images elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Z = 1.959964
"""The normal distribution's 97.5 % point."""
RESAMPLES = 1000
METHODS = {
    "wilson": "Wilson score interval of a share (1927)",
    "normal": "mean of the images' values plus and minus 1.96 standard errors",
    "bootstrap": f"{RESAMPLES:,} resamples of the images, percentiles 2.5 and 97.5",
    "mirrored bootstrap": f"{RESAMPLES:,} resamples of the images, percentiles mirrored at the estimate; from 0 where "
    "a calibrated network would show as much by chance",
}
"""How each kind of interval is made, by the word that results use."""

Interval = tuple[float, float]


def wilson(share: float, count: int, z: float = Z) -> Interval:
    """Interval of a share of `count` images (Wilson 1927), which stays inside 0 to 1; (0, 1) of none."""
    if not count:
        return 0.0, 1.0
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share)  # rounding may leave 0 or 1 outside


def normal(values: np.ndarray) -> Interval:
    """Interval of the mean of `values` (N,)."""
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(values.mean() - Z * error), float(values.mean() + Z * error)


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray], count: int, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(low, high), each (S,): percentiles 2.5 and 97.5 of `statistic(indices)` (S,) over resamples of `count` images.

    The same seed gives the same intervals.
    """
    generator = np.random.default_rng(seed)
    found = np.stack([statistic(generator.integers(0, count, count)) for _ in range(resamples)])
    low, high = np.percentile(found, (2.5, 97.5), axis=0)
    return low, high
