"""Curves: accuracy, loss and learning rate over the epochs, one small chart each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnwiz.report.blocks import Block, Column, Columns, Figure, Fold, Section, Table, Text
from cnnwiz.report.chart import Line, Point, lines
from cnnwiz.report.reading import Reading

COLOURS = 6
MOST_ROWS = 200


class Chart(NamedTuple):
    """One chart: what it shows, of which measurements (name in metrics.jsonl, name for people), in which unit."""

    title: str
    measured: tuple[tuple[str, str], ...]
    percent: bool = False
    marked: bool = False
    """Whether the best epoch is marked on the first of them."""


CHARTS = (
    Chart("Accuracy", (("val_accuracy", "validation"), ("train_accuracy", "training")), percent=True, marked=True),
    Chart("ROC AUC of pairs", (("val_auc", "validation"),), marked=True),
    Chart("Mean average precision", (("val_map", "validation"),), percent=True, marked=True),
    Chart("The same at IoU 0.5", (("val_map50", "validation"),), percent=True),
    Chart("TAR at FAR 0.01", (("val_tar", "validation"),), percent=True),
    Chart("Loss", (("val_loss", "validation"), ("train_loss", "training"))),
    Chart("Learning rate", (("lr", ""),)),
)


def curves(runs: Sequence[Reading]) -> Section:
    """The charts, and the numbers behind them as a table."""
    charts = [figure for chart in CHARTS if (figure := _figure(chart, runs))]
    blocks: list[Block] = []
    if charts:
        blocks.append(Columns(tuple(Column("", (figure,)) for figure in charts)))
        if any(run.best_epoch for run in runs):
            text = "A dot is the epoch whose weights were kept as the best, by the validation images."
            blocks.append(Text((text,), "quiet"))
        blocks += [Fold(_numbers_of(run, runs), (_table(run),)) for run in runs if run.epochs]
    lead = "Measured at the end of each epoch; training values are means over the epoch, on augmented images."
    return Section("curves", "Training", lead, tuple(blocks))


def _figure(chart: Chart, runs: Sequence[Reading]) -> Figure | None:
    """The chart of one measurement; None where no run has it. Of several runs only the first measurement is drawn,
    a line for each run."""
    measured = chart.measured if len(runs) == 1 else chart.measured[:1]
    drawn, legend, said = [], [], []
    for number, run in enumerate(runs):
        for place, (name, words) in enumerate(measured):
            points = run.series(name)
            if not points:
                continue
            style = style_of(number if len(runs) > 1 else place)
            called = words if len(runs) == 1 else run.label
            drawn.append(Line(points, style))
            legend.append((called, f"line {style}"))
            said.append(f"{called}{': ' if called else ''}{_course(points, chart.percent)}")
    if not drawn:
        return None
    best = [point for run in runs if (point := _best(run, measured[0][0]))] if chart.marked else []
    title = chart.title if len(runs) == 1 or not measured[0][1] else f"{chart.title}, {measured[0][1]}"
    named = tuple(legend) if len(legend) > 1 else ()
    return Figure(title, lines(drawn, "epoch", chart.percent, best), f"{'; '.join(said)}.", named)


def style_of(number: int) -> str:
    """Classes of the n-th series: its colour, and dashes from the seventh on."""
    return f"s{number % COLOURS}" + (" thin" if number >= COLOURS else "")


def _best(run: Reading, name: str) -> Point | None:
    return next((point for point in run.series(name) if point[0] == run.best_epoch), None)


def _course(points: Sequence[Point], percent: bool) -> str:
    """The course of a line in words."""

    def show(value: float) -> str:
        return f"{100 * value:.1f} %" if percent else f"{value:.4g}"

    if len(points) == 1:
        return f"{show(points[0][1])} in epoch {points[0][0]:g}"
    low, high = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
    ends = f"from {show(points[0][1])} in epoch {points[0][0]:g} to {show(points[-1][1])} in epoch {points[-1][0]:g}"
    return f"{ends}, lowest {show(low[1])}, highest {show(high[1])}"


def _numbers_of(run: Reading, runs: Sequence[Reading]) -> str:
    return "The numbers, epoch by epoch" if len(runs) == 1 else f"The numbers of {run.label}, epoch by epoch"


def _table(run: Reading) -> Table:
    """Every epoch, or evenly chosen ones of a long run."""
    names = [
        "lr",
        "train_loss",
        "val_loss",
        "train_accuracy",
        "val_accuracy",
        "val_auc",
        "val_tar",
        "val_map",
        "seconds",
        "images_per_second",
    ]
    names = [name for name in names if run.series(name)]
    values = {name: dict(run.series(name)) for name in names}
    epochs = [float(line["epoch"]) for line in run.epochs]
    step = -(-len(epochs) // MOST_ROWS)
    shown = [epoch for place, epoch in enumerate(epochs) if place % step == 0 or place == len(epochs) - 1]
    rows = tuple((f"{epoch:g}", *(_shown(values[name].get(epoch)) for name in names)) for epoch in shown)
    caption = f"{run.label}, metrics.jsonl" + (f": every {step}th epoch and the last" if step > 1 else "")
    return Table(caption, ("epoch", *names), rows, frozenset(range(1, len(names) + 1)))


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
