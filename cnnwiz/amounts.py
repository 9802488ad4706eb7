"""Numbers as people read them."""

from __future__ import annotations


def short(number: float, unit: str = "") -> str:
    """1,234,567 as `1.23 M`, or with the unit B as `1.23 MB`."""
    value, prefixes = float(number), iter("kMGT")
    prefix = ""
    while value >= 999.5 and (larger := next(prefixes, "")):  # three digits would round 999.5 to 1,000
        value, prefix = value / 1000, larger
    return f"{value:.3g} {prefix}{unit}".rstrip()


def count(number: int, word: str) -> str:
    """1 file, 2 files."""
    return f"{number} {word}{'' if number == 1 else 's'}"
