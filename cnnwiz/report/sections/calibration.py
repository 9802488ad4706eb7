"""Calibration: whether the network is right as often as it is sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from cnnwiz.report.blocks import Block, Column, Columns, Figure, Fold, Section, Table
from cnnwiz.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, drawing, frame, y_axis
from cnnwiz.report.markup import element
from cnnwiz.report.numbers import amount, percent
from cnnwiz.report.reading import Reading

BASE = HEIGHT - BOTTOM
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
Bins = Sequence[dict[str, Any]]


def calibration(runs: Sequence[Reading]) -> Section:
    """The reliability curve and how the confidences are spread, for each run that was measured."""
    found = [run for run in runs if run.classified]
    blocks: list[Block] = []
    for run in found:
        measured = run.evaluation.measured["calibration"] if run.evaluation else {}
        name = f"{run.label}: " if len(runs) > 1 else ""
        columns = (Column("", (_curve(measured["bins"], name),)), Column("", (_spread(measured["bins"], name),)))
        blocks += [
            Columns((*columns, Column("", (_facts(measured, run),)))),
            Fold(f"{name}The numbers", (_table(measured["bins"]),)),
        ]
    lead = "Images are put into 15 bins by the probability of the class the network named."
    return Section("calibration", "Calibration", lead, tuple(blocks))


def _facts(measured: dict[str, Any], run: Reading) -> Table:
    """Each number with its 95 % interval."""

    def row(name: str, key: str, show: Callable[[float], str]) -> tuple[str, str, str]:
        low, high = measured[f"{key}_interval"]
        return name, show(measured[key]), f"{show(low)} to {show(high)}"

    def plain(value: float) -> str:
        return f"{value:.4f}"

    rows = (
        row("calibration error (ECE)", "ece", percent),
        row("Brier score", "brier", plain),
        row("negative log-likelihood", "nll", plain),
    )
    images = amount(run.evaluation.measured["images"]) if run.evaluation else ""
    header = ("measure", "value", "95 % interval")
    return Table(f"{images} {run.split} images", header, rows, frozenset((1, 2)))


def _axes(high: float) -> tuple[Axis, Axis]:
    """Confidence across, from 0 to 1; up to `high` upwards."""
    across = Axis(0, 1, LEFT, WIDTH - RIGHT, SHARES, percent=True)
    return across, Axis(0, 1, BASE, TOP, SHARES, percent=True) if high == 1 else y_axis(0, high, percent=True)


def _curve(bins: Bins, name: str) -> Figure:
    """Accuracy of each bin with its interval, over its mean confidence; the diagonal is perfect."""
    across, up = _axes(1)
    children = frame(across, up, "confidence")
    children.append(
        element("path", d=f"M{across.at(0):.1f} {up.at(0):.1f}L{across.at(1):.1f} {up.at(1):.1f}", class_="ideal")
    )
    filled = [row for row in bins if row["images"]]
    for row in filled:
        x, (low, high) = across.at(row["confidence"]), row["interval"]
        children.append(element("path", d=f"M{x:.1f} {up.at(low):.1f}V{up.at(high):.1f}", class_="whisker s0"))
    children += [_dot(across.at(row["confidence"]), up.at(row["accuracy"])) for row in filled]
    said = "; ".join(f"{percent(row['confidence'])} sure, {percent(row['accuracy'])} right" for row in filled)
    legend = (("bins with 95 % intervals", "line s0"), ("sure = right", "ideal"))
    return Figure(f"{name}Right, by how sure", drawing(children), f"{said}.", legend)


def _dot(x: float, y: float) -> Element:
    return element("circle", cx=x, cy=y, r=4, class_="dot f0")


def _spread(bins: Bins, name: str) -> Figure:
    """How many images are in each bin."""
    total = sum(row["images"] for row in bins) or 1
    shares = [row["images"] / total for row in bins]
    across, up = _axes(max(shares))
    children = frame(across, up, "confidence")
    for row, share in zip(bins, shares, strict=True):
        left, right, top = across.at(row["from"]) + 1, across.at(row["to"]) - 1, up.at(share)
        if share:
            children.append(element("rect", x=left, y=top, width=right - left, height=BASE - top, class_="f0"))
    most = max(range(len(bins)), key=lambda place: shares[place])
    ends = f"{percent(bins[most]['from'])} and {percent(bins[most]['to'])}"
    said = f"Most images, {percent(shares[most])}, are between {ends}."
    return Figure(f"{name}How sure it is", drawing(children), said)


def _table(bins: Bins) -> Table:
    rows = tuple(
        (
            f"{percent(row['from'])} to {percent(row['to'])}",
            amount(row["images"]),
            percent(row["confidence"]),
            percent(row["accuracy"]),
        )
        for row in bins
        if row["images"]
    )
    header = ("bin", "images", "mean confidence", "accuracy")
    return Table("Bins without images are left out", header, rows, frozenset((1, 2, 3)))
