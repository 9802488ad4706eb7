"""The head of the page: what was trained, and the numbers that matter most; several runs in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnwiz.amounts import count, short
from cnnwiz.report.blocks import Block, Cell, Section, Table, Text, Tile, Tiles
from cnnwiz.report.numbers import Scale, amount, between, duration, percent, scale_of
from cnnwiz.report.reading import Reading


def head(runs: Sequence[Reading]) -> Section:
    """Tiles for one run, a table for several, and what the reader must know about them."""
    blocks: list[Block] = [_tiles(runs[0]) if len(runs) == 1 else _table(runs)]
    for run in runs:
        name = "" if len(runs) == 1 else f"{run.label}: "
        if run.record.status != "finished":
            text = f"{name}this run is not finished (status: {run.record.status}); numbers are those so far."
            blocks.append(Text((text,), "warning"))
        if run.missing:
            text = f"{name}its network was not measured for this page, so confusion, calibration and mistakes are left "
            blocks.append(Text((f"{text}out: {run.missing}",), "warning"))
        for notice in run.evaluation.outputs.notices if run.evaluation else ():
            blocks.append(Text((f"{name}{notice}",), "warning"))
    return Section("head", "", _lead(runs), tuple(blocks))


def _lead(runs: Sequence[Reading]) -> str:
    if len(runs) > 1:
        return f"{len(runs)} runs side by side."
    run = runs[0]
    channels, height, width = run.graph.input
    images = sum(run.record.data.images.get("train", {}).values())
    seen = f" on {amount(images)} images" if images else ""
    time = f" in {duration(run.record.seconds)}" if run.record.seconds is not None else ""
    kind = "grey" if channels == 1 else "colour"
    task = {"classify": f"Tells {run.graph.classes} classes of", "embed": "Places by likeness"}.get(
        run.spec.task, f"Finds objects of {run.graph.classes} classes in"
    )
    epochs = count(len(run.epochs), "epoch")
    return f"{task} {kind} images of {height}x{width} pixels; trained for {epochs}{seen}{time}."


def _tiles(run: Reading) -> Tiles:
    tiles = [*_measured(run), *_validation(run)]
    tiles.append(Tile("Parameters", short(run.graph.parameters), f"{short(4 * run.graph.parameters, 'B')} in float32"))
    tiles.append(Tile("Multiply-adds", short(run.graph.macs), "per image"))
    if run.record.seconds is not None:
        tiles.append(
            Tile("Training time", duration(run.record.seconds), f"{run.record.device}, {run.record.precision}")
        )
    return Tiles(tuple(tiles))


def _measured(run: Reading) -> list[Tile]:
    """What the network reaches on images it was not trained with; from run.json where it was not measured here."""
    if run.evaluation is None:
        names = {"test_accuracy": "Test accuracy", "test_map50": "mAP at IoU 0.5, test", "test_map": "mAP, test"}
        stored = {title: run.record.metrics.get(name) for name, title in names.items()}
        return [Tile(title, percent(value), "as run.json says") for title, value in stored.items() if value is not None]
    measured = run.evaluation.measured
    if run.evaluation.trained.detects:
        names = (("map", "Mean average precision"), ("map50", "The same at IoU 0.5"))
        return [_precision(run, measured, name, title) for name, title in names if measured[name] is not None]
    images = f"{amount(measured['images'])} images, {between(*measured['accuracy_interval'])}"
    if run.evaluation.trained.embeds:
        tiles = [Tile(f"Nearest neighbour of the class, {run.split}", percent(measured["accuracy"]), images)]
        found = measured["auc"]
        return tiles if found is None else [*tiles, Tile("ROC AUC of pairs", f"{found:.4f}", run.split)]
    error = measured["calibration"]
    return [
        Tile(f"{run.split.capitalize()} accuracy", percent(measured["accuracy"]), images),
        Tile("Macro F1", percent(measured["macro_f1"]), between(*measured["macro_f1_interval"])),
        Tile("Calibration error", percent(error["ece"]), between(*error["ece_interval"])),
    ]


def _precision(run: Reading, measured: dict[str, Any], name: str, title: str) -> Tile:
    bounds = measured[f"{name}_interval"]
    images = f"{amount(measured['images'])} {run.split} images"
    return Tile(title, percent(measured[name]), f"{images}, {between(*bounds)}" if bounds else images)


def _validation(run: Reading) -> list[Tile]:
    stored = run.record.best.get("val_accuracy")
    best = run.best_epoch
    if stored is None or (run.evaluation is not None and run.split == "validation"):
        return []
    return [Tile("Validation accuracy", percent(stored), f"best epoch, {best} of {len(run.epochs)}")]


def _table(runs: Sequence[Reading]) -> Table:
    """A row for each run."""
    measured = [run.evaluation.measured["accuracy_interval"] for run in runs if run.evaluation]
    scale = scale_of(bounds for bounds in measured if bounds)
    rows = tuple(_row(run, scale) for run in runs)
    splits = sorted({run.split for run in runs})
    header = ("run", f"{' or '.join(splits)} accuracy", "macro F1", "calibration error", "validation accuracy")
    header += ("parameters", "multiply-adds", "epochs", "time")
    return Table(scale.words(), header, rows, frozenset(range(1, len(header))))


def _row(run: Reading, scale: Scale) -> tuple[Cell, ...]:
    accuracy: Cell = percent(stored) if (stored := run.record.metrics.get("test_accuracy")) is not None else ""
    f1 = error = ""
    if run.evaluation is not None and run.evaluation.measured["accuracy_interval"]:
        measured = run.evaluation.measured
        accuracy = scale.interval(measured["accuracy"], measured["accuracy_interval"])
        if run.classified:
            f1, error = percent(measured["macro_f1"]), percent(measured["calibration"]["ece"])
    validation = run.record.best.get("val_accuracy")
    time = "" if run.record.seconds is None else duration(run.record.seconds)
    costs = (short(run.graph.parameters), short(run.graph.macs), str(len(run.epochs)), time)
    return (run.label, accuracy, f1, error, "" if validation is None else percent(validation), *costs)
