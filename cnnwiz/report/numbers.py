"""Numbers as a report writes them."""

from __future__ import annotations

from collections.abc import Sequence

from cnnwiz.report.blocks import Interval


def amount(number: int) -> str:
    """1,234,567."""
    return f"{number:,}"


def short(number: float) -> str:
    """1,234,567 as `1.23 M`; the unit's letter can stand right behind it."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g} "


def percent(share: float) -> str:
    """98.9 %, which a line does not break."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def between(low: float, high: float) -> str:
    """A 95 % interval of a share, in words."""
    return f"95\N{NO-BREAK SPACE}% interval {100 * low:.1f} to {percent(high)}"


def interval(share: float, bounds: Sequence[float], start: float) -> Interval:
    """A share with its bounds (low, high), on a scale that begins at `start`."""
    low, high = bounds
    return Interval(share, low, high, start)


def duration(seconds: float) -> str:
    """11 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min {seconds % 60:.0f} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def floor_of(shares: list[float]) -> float:
    """A round share a little below all of these: where a scale that ends at 1 begins."""
    return max(min((int(share * 10) / 10 for share in shares), default=0.0), 0.0) if shares else 0.0
