"""Charts as SVG: lines over a number, bars, and the frame with ticks they share. Drawn small, for a phone's width."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cnnwiz.report.markup import element

WIDTH, HEIGHT = 360.0, 226.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 10.0, 36.0
MOST_POINTS = 300
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """Points in the order of x; `style` names the classes of its colour and stroke."""

    points: Sequence[Point]
    style: str


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` on `start` to `end` of the drawing, with ticks at round numbers, or at round percents
    of shares."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    percent: bool = False

    def at(self, value: float) -> float:
        """Where a value stands in the drawing."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def label(self, tick: float) -> str:
        """A tick in as many decimals as tell it from its neighbours, in the unit of all of them."""
        size, unit = self._unit()
        step = min((b - a for a, b in itertools.pairwise(self.ticks)), default=size) / size
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        return f"{tick / size:.{decimals}f}{unit}" if tick else f"0{' %' if self.percent else ''}"

    def _unit(self) -> tuple[float, str]:
        """What one of a label is worth, and its sign: percent, thousands, millions, or a power of ten."""
        if self.percent:
            return 0.01, " %"
        largest = max(abs(self.low), abs(self.high))
        if largest >= 1e4:
            return (1e6, " M") if largest >= 1e6 else (1e3, " k")
        exponent = math.floor(math.log10(largest)) if largest else 0
        return (10.0**exponent, f"e{exponent}") if exponent < -3 else (1.0, "")


def lines(drawn: Sequence[Line], x_name: str, percent: bool = False, best: Sequence[Point] = ()) -> Element:
    """Lines over whole numbers such as epochs. `best` are points to mark; `percent` writes shares as percent."""
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    across = x_axis(min(xs), max(xs))
    up = y_axis(min(ys), max(ys), percent)
    children = frame(across, up, x_name)
    for line in reversed(drawn):  # the first is drawn last, above the others
        points = [(across.at(x), up.at(y)) for x, y in thinned(line.points)]
        if len(points) == 1:
            children.append(element("circle", cx=points[0][0], cy=points[0][1], r=3, class_=line.style))
        else:
            children.append(element("path", d=path(points), class_=f"line {line.style}"))
    children += [element("circle", cx=across.at(x), cy=up.at(y), r=4, class_="dot mark") for x, y in best]
    return drawing(children)


def frame(across: Axis, up: Axis, x_name: str) -> list[Element]:
    """Grid lines, ticks and the name of the horizontal axis."""
    made = []
    for tick in up.ticks:
        y = up.at(tick)
        made.append(element("path", d=f"M{LEFT:g} {y:.2f}H{WIDTH - RIGHT:g}", class_="grid"))
        made.append(element("text", up.label(tick), x=LEFT - 7, y=y + 4, text_anchor="end"))
    for tick in across.ticks:
        made.append(
            element("text", across.label(tick), x=across.at(tick), y=HEIGHT - BOTTOM + 18, text_anchor="middle")
        )
    made.append(element("path", d=f"M{LEFT:g} {HEIGHT - BOTTOM:g}H{WIDTH - RIGHT:g}", class_="axis"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    made.append(element("text", x_name, x=middle, y=HEIGHT - 2, text_anchor="middle"))
    return made


def drawing(children: Sequence[Element]) -> Element:
    """The SVG around them."""
    return element("svg", *children, viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}")


def x_axis(low: float, high: float) -> Axis:
    """From the first to the last value; ticks are whole numbers inside."""
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = max(1.0, _step((high - low) / 5))
    return Axis(low, high, LEFT, WIDTH - RIGHT, _multiples(step, low, high))


def y_axis(low: float, high: float, percent: bool = False) -> Axis:
    """Round numbers around the values; no further than 1 for shares, which are written as percents."""
    most = 1.0 if percent else math.inf
    if low == high:
        low, high = (low - 0.1 * abs(low) or -0.1), (high + 0.1 * abs(high) or 0.1)
    step = _step((min(high, most) - low) / 4)
    low, high = math.floor(low / step + 1e-9) * step, min(math.ceil(high / step - 1e-9) * step, most)
    if low >= high:
        low = high - step
    return Axis(low, high, HEIGHT - BOTTOM, TOP, _multiples(step, low, high), percent)


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most about `most` points that keep every peak: of each stretch the lowest and the highest."""
    if len(points) <= most:
        return list(points)
    stretch = math.ceil(len(points) / (most / 2))
    kept = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        kept += sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
    return sorted({points[0], *kept, points[-1]})


def path(points: Sequence[Point]) -> str:
    """Points as the `d` of a path."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _multiples(step: float, low: float, high: float) -> tuple[float, ...]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))
