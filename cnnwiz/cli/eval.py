"""`cnnwiz eval`: how good a run's network is on its test images, or on others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import typer


def evaluate(
    run: Path = typer.Argument(help="Run directory."),
    split: Literal["test", "validation", "train"] = typer.Option("test", "--split", help="Which images."),
    weights: Literal["best", "last"] = typer.Option("best", "--weights", help="Which weights."),
    device: str = typer.Option("auto", "--device", help="auto, cpu, cuda, cuda:N or mps."),
    workers: int = typer.Option(2, "--workers", min=0, max=256, help="Processes that decode images."),
    fuse: bool = typer.Option(False, "--fuse", help="Fold batch norms into the convolutions first."),
    output_format: Literal["table", "json"] = typer.Option(
        "table", "--output-format", help="Table for people, or JSON."
    ),
) -> None:
    """Measure the network of a run: accuracy with a 95 % interval, and precision and recall of each class; for task
    embed how well likeness tells classes apart.

    Example: cnnwiz eval runs/digits-1 --output-format json
    """
    import json

    from cnnwiz.training.judge import judge

    measured = judge(run, split, weights, device, workers, fuse)
    if output_format == "json":
        print(json.dumps(measured, indent=2, ensure_ascii=False))
    elif "auc" in measured:
        _verification(measured)
    else:
        _table(measured)


def _table(measured: dict[str, Any]) -> None:
    from cnnwiz.cli.console import results, table

    rows = [
        (row["class"], f"{row['images']:,}", f"{row['precision']:.4f}", f"{row['recall']:.4f}", f"{row['f1']:.4f}")
        for row in measured["per_class"]
    ]
    results().print(table(("class", "images", "precision", "recall", "F1"), rows, right=(1, 2, 3, 4)))
    _accuracy(measured, "accuracy")
    print(f"  macro F1  {measured['macro_f1']:.4f}")
    print(f"  loss      {measured['loss']:.4f}")


def _verification(measured: dict[str, Any]) -> None:
    _accuracy(measured, "nearest neighbour of the same class")
    for name, key in (("ROC AUC of pairs", "auc"), ("TAR at FAR 0.01", "tar"), ("TAR at FAR 0.001", "tar_1e3")):
        value = "no pairs to tell" if measured[key] is None else f"{measured[key]:.4f}"
        print(f"  {name:<35}  {value}")


def _accuracy(measured: dict[str, Any], name: str) -> None:
    low, high = measured["accuracy_interval"]
    print(f"{measured['split']}: {measured['images']:,} images, {measured['weights']} weights")
    print(f"  {name}  {measured['accuracy']:.4f}  (95 % interval {low:.4f} to {high:.4f})")
