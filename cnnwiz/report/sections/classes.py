"""Classes: precision, recall and F1 of each, and accuracy by the size of the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cnnwiz.report.blocks import Block, Column, Fold, Interval, Section, Share, Table, beside
from cnnwiz.report.numbers import Scale, amount, percent, scale_of
from cnnwiz.report.reading import Reading

MOST_CLASSES = 200
OPEN = 30
"""Rows up to which the table is not folded."""


def classes(runs: Sequence[Reading]) -> Section:
    """A table for each run that was measured, the worst recall first."""
    found = [run for run in runs if run.classified]
    found += [run for run in runs if run.evaluation is not None and run.evaluation.trained.detects]
    columns = tuple(Column(run.label, tuple(_of(run))) for run in found)
    lead = "Recall is the share of a class that is found, precision the share of answers that are right."
    return Section("classes", "Class by class", lead, beside(columns))


def _of(run: Reading) -> Iterator[Block]:
    measured = run.classified
    if measured is None:
        yield _precisions(run)
        return
    rows = sorted(measured["per_class"], key=lambda row: row["recall"])
    scale = scale_of(row[f"{name}_interval"] for row in rows for name in ("recall", "precision") if row["images"])
    shown = tuple(_row(row, scale) for row in rows[:MOST_CLASSES])
    rest = len(rows) - len(shown)
    left_out = f"; the {amount(rest)} classes with the highest recall are left out" if rest else ""
    caption = f"{run.split} images, the worst recall first; {scale.words()}{left_out}"
    table = Table(caption, ("class", "images", "recall", "precision", "F1"), shown, frozenset((1, 2, 3, 4)))
    yield table if len(shown) <= OPEN else Fold(f"{amount(len(shown))} classes", (table,))
    if sizes := measured["slices"]["size"]:
        yield _sizes(sizes)


def _precisions(run: Reading) -> Table:
    """Average precision of each class of a detector."""
    rows = run.evaluation.measured["per_class"] if run.evaluation else []
    shown = tuple(
        (row["class"], amount(row["boxes"]), amount(row["found"]), _shown(row["ap50"]), _shown(row["ap"]))
        for row in rows[:MOST_CLASSES]
    )
    caption = f"{run.split} images: boxes there are, boxes found, average precision at IoU 0.5 and over 0.5 to 0.95"
    return Table(caption, ("class", "boxes", "found", "AP at 0.5", "AP"), shown, frozenset((1, 2, 3, 4)))


def _shown(share: float | None) -> str:
    return "" if share is None else percent(share)


def _row(row: dict[str, Any], scale: Scale) -> tuple[str | Interval | Share, ...]:
    recall = scale.interval(row["recall"], row["recall_interval"])
    precision = scale.interval(row["precision"], row["precision_interval"])
    return row["class"], amount(row["images"]), recall, precision, percent(row["f1"])


def _sizes(slices: Sequence[dict[str, Any]]) -> Table:
    """Accuracy by the short side of the images."""
    scale = scale_of(row["interval"] for row in slices)
    rows = tuple(
        (
            f"{row['from_px']} to {row['to_px']} px" + (", worse than all together" if row["below"] else ""),
            amount(row["images"]),
            scale.interval(row["accuracy"], row["interval"]),
        )
        for row in slices
    )
    caption = f"By the short side of the images; {scale.words()}"
    return Table(caption, ("short side", "images", "accuracy"), rows, frozenset((1, 2)))
