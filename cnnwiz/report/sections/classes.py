"""Classes: precision, recall and F1 of each, and accuracy by the size of the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cnnwiz.report.blocks import Block, Column, Columns, Fold, Interval, Section, Share, Table
from cnnwiz.report.numbers import amount, floor_of, interval, percent
from cnnwiz.report.reading import Reading

MOST_CLASSES = 200
OPEN = 30
"""Rows up to which the table is not folded."""


def classes(runs: Sequence[Reading]) -> Section:
    """A table for each run that was measured, the worst recall first."""
    found = [run for run in runs if run.evaluation is not None and not run.evaluation.trained.embeds]
    columns = tuple(Column(run.label if len(runs) > 1 else "", tuple(_of(run))) for run in found)
    blocks = columns[0].blocks if len(columns) == 1 else (Columns(columns, wide=True),) if columns else ()
    lead = "Recall is the share of a class that is found, precision the share of answers that are right."
    return Section("classes", "Class by class", lead, blocks)


def _of(run: Reading) -> Iterator[Block]:
    measured = run.evaluation.measured if run.evaluation else {}
    rows = sorted(measured["per_class"], key=lambda row: row["recall"])
    start = floor_of([row[f"{name}_interval"][0] for row in rows for name in ("recall", "precision") if row["images"]])
    shown = tuple(_row(row, start) for row in rows[:MOST_CLASSES])
    rest = len(rows) - len(shown)
    left_out = f"; the {amount(rest)} classes with the highest recall are left out" if rest else ""
    caption = f"{run.split} images, the worst recall first; lines of 95 % intervals begin at {percent(start)}{left_out}"
    table = Table(caption, ("class", "images", "recall", "precision", "F1"), shown, frozenset((1, 2, 3, 4)))
    yield table if len(shown) <= OPEN else Fold(f"{amount(len(shown))} classes", (table,))
    if sizes := measured["slices"]["size"]:
        yield _sizes(sizes)


def _row(row: dict[str, Any], start: float) -> tuple[str | Interval | Share, ...]:
    recall = interval(row["recall"], row["recall_interval"], start)
    precision = interval(row["precision"], row["precision_interval"], start)
    return row["class"], amount(row["images"]), recall, precision, percent(row["f1"])


def _sizes(slices: Sequence[dict[str, Any]]) -> Table:
    """Accuracy by the short side of the images."""
    start = floor_of([row["interval"][0] for row in slices])
    rows = tuple(
        (
            f"{row['from_px']} to {row['to_px']} px" + (", worse than all together" if row["below"] else ""),
            amount(row["images"]),
            interval(row["accuracy"], row["interval"], start),
        )
        for row in slices
    )
    caption = f"By the short side of the images; lines begin at {percent(start)}"
    return Table(caption, ("short side", "images", "accuracy"), rows, frozenset((1, 2)))
