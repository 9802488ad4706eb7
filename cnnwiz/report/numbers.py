"""Numbers as a report writes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cnnwiz.report.blocks import Interval


def amount(number: int) -> str:
    """1,234,567."""
    return f"{number:,}"


def percent(share: float, decimals: int = 1) -> str:
    """98.9 %, which a line does not break."""
    return f"{100 * share:.{decimals}f}\N{NO-BREAK SPACE}%"


def between(low: float, high: float) -> str:
    """A 95 % interval of a share, in words."""
    return f"95\N{NO-BREAK SPACE}% interval {100 * low:.1f} to {percent(high)}"


class Scale(NamedTuple):
    """Where the lines of intervals in a table begin and end."""

    start: float
    end: float

    def interval(self, share: float, bounds: Sequence[float]) -> Interval:
        """A share with its bounds (low, high) on this scale."""
        low, high = bounds
        return Interval(share, low, high, self.start, self.end)

    def words(self) -> str:
        """95 % intervals are drawn from 70 to 100 %."""
        return f"95\N{NO-BREAK SPACE}% intervals are drawn from {100 * self.start:.0f} to {percent(self.end, 0)}"


def scale_of(bounds: Iterable[Sequence[float]]) -> Scale:
    """Tenths around all intervals (low, high)."""
    pairs = [(low, high) for low, high in bounds]
    if not pairs:
        return Scale(0.0, 1.0)
    start = math.floor(10 * min(low for low, _ in pairs) + 1e-9) / 10
    return Scale(start, max(math.ceil(10 * max(high for _, high in pairs) - 1e-9) / 10, start + 0.1))


def duration(seconds: float) -> str:
    """11 s, 3 min 20 s, 2 h 5 min; a line does not break it."""
    if seconds < 60:
        text = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    else:
        minutes = int(seconds // 60)
        text = f"{minutes} min {seconds % 60:.0f} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    return text.replace(" ", "\N{NO-BREAK SPACE}")
