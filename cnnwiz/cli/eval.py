"""`cnnwiz eval`: how good a run's network is on its test images, or on others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cnnwiz.cli.options import Device, Fuse, Run, Split, TableOrJson, Views, Weights, Workers


def evaluate(
    run: Run,
    data: Path = typer.Option(
        None, "--data", help="Other images: a folder of class folders, an .npz file, or a spec with a source."
    ),
    split: Split = "test",
    weights: Weights = "best",
    tta: Views = "none",
    device: Device = "auto",
    workers: Workers = 2,
    fuse: Fuse = False,
    output_format: TableOrJson = "table",
) -> None:
    """Measure a run's network: accuracy, classes, confusion, calibration, slices, each with a 95 % interval.

    Example: cnnwiz eval runs/digits-1 --output-format json
    """
    import json

    from cnnwiz.cli.plain import visible
    from cnnwiz.evaluation import evaluate as measure

    found = measure(run, split, data, weights, device, workers, fuse, tta)
    for notice in found.outputs.notices:
        typer.echo(visible(f"note: {notice}"), err=True)
    if output_format == "json":
        print(json.dumps(found.measured, indent=2, ensure_ascii=True, allow_nan=False))
    elif found.trained.detects:
        _boxes(found.measured)
    elif found.trained.embeds:
        _verification(found.measured)
    else:
        _table(found.measured)


def _table(measured: dict[str, Any]) -> None:
    from cnnwiz.cli.console import results, table

    rows = [
        (row["class"], f"{row['images']:,}", *(_with(row[name], row[f"{name}_interval"]) for name in SCORES))
        for row in measured["per_class"]
    ]
    results().print(table(("class", "images", *SCORES), rows, right=(1, 2, 3, 4)))
    _confusions(measured)
    _sizes(measured["slices"]["size"])
    _head(measured)
    calibration = measured["calibration"]
    numbers = [("accuracy", measured["accuracy"], measured["accuracy_interval"])]
    numbers += [(f"top-{row['k']}", row["accuracy"], row["interval"]) for row in measured["top_k"]]
    numbers += [
        ("macro F1", measured["macro_f1"], measured["macro_f1_interval"]),
        ("loss", measured["loss"], measured["loss_interval"]),
        ("calibration error", calibration["ece"], calibration["ece_interval"]),
    ]
    for name, value, interval in numbers:
        print(f"  {name:<18} {value:.4f}  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})")
    print(f"  {_sureness(calibration)}; by chance alone the error stays below {calibration['ece_by_chance']:.4f}")


SCORES = ("precision", "recall", "f1")


def _with(value: float, interval: list[float]) -> str:
    """A share with its interval, in percent: 97.5 (94-99)."""
    return f"{100 * value:5.1f} ({100 * interval[0]:.0f}-{100 * interval[1]:.0f})"


def _confusions(measured: dict[str, Any], most: int = 5) -> None:
    """The pairs of classes that are mistaken most often."""
    names = [row["class"] for row in measured["per_class"]]
    pairs = [
        (count, names[true], names[said])
        for true, row in enumerate(measured["confusion"])
        for said, count in enumerate(row)
        if true != said and count
    ]
    if not pairs:
        return
    from cnnwiz.cli.plain import visible

    pairs.sort(key=lambda pair: -pair[0])
    print("\nmistaken most often")
    for count, true, said in pairs[:most]:
        print(visible(f"  {count:>5,}  {true} for {said}"))


def _sizes(rows: list[dict[str, Any]]) -> None:
    """Accuracy by the size of the images."""
    if not rows:
        return
    print("\nby short side of the image")
    for row in rows:
        extent = f"{row['from_px']} to {row['to_px']} px"
        less = "  below the rest" if row["below"] else ""
        print(f"  {extent:<16} {row['images']:>7,} images  {_with(row['accuracy'], row['interval'])} %{less}")


def _sureness(calibration: dict[str, Any]) -> str:
    """Calibration in words: whether the network is surer than it is right."""
    filled = [row for row in calibration["bins"] if row["images"]]
    images = sum(row["images"] for row in filled)
    sure = sum(row["confidence"] * row["images"] for row in filled) / images
    right = sum(row["accuracy"] * row["images"] for row in filled) / images
    word = "surer than" if sure > right else "less sure than"
    return f"on average {100 * sure:.1f} % sure and {100 * right:.1f} % right: {word} right"


def _boxes(measured: dict[str, Any]) -> None:
    from cnnwiz.cli.console import results, table

    rows = [
        (row["class"], f"{row['boxes']:,}", *(_precision(row, name) for name in ("ap50", "ap")))
        for row in measured["per_class"]
    ]
    results().print(table(("class", "boxes", "AP50", "AP"), rows, right=(1, 2, 3)))
    _head(measured)
    print(f"  {'mAP at IoU 0.5':<24} {_precision(measured, 'map50')}")
    print(f"  {'mAP at IoU 0.5 to 0.95':<24} {_precision(measured, 'map')}")
    print(f"  {'loss':<24} {measured['loss']:.4f}")


def _precision(row: dict[str, Any], name: str) -> str:
    """Average precision in percent, with its interval where there is one; a dash where no image has the class."""
    if row[name] is None:
        return "-"
    interval = row[f"{name}_interval"]
    return f"{100 * row[name]:5.1f}" if interval is None else _with(row[name], interval)


def _verification(measured: dict[str, Any]) -> None:
    _head(measured)
    low, high = measured["accuracy_interval"]
    name = "nearest neighbour of the same class"
    print(f"  {name}  {measured['accuracy']:.4f}  (95 % interval {low:.4f} to {high:.4f})")
    for name, key in (("ROC AUC of pairs", "auc"), ("TAR at FAR 0.01", "tar"), ("TAR at FAR 0.001", "tar_1e3")):
        value = "no pairs to tell" if measured[key] is None else f"{measured[key]:.4f}"
        interval = measured[f"{key}_interval"]
        sure = f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
        print(f"  {name:<35}  {value}{sure}")


def _head(measured: dict[str, Any]) -> None:
    from cnnwiz.cli.plain import visible

    what = measured["data"] or measured["split"]
    how = ", ".join([f"{measured['weights']} weights", *(["batch norm folded"] if measured["fused"] else [])])
    views = "" if measured["tta"] == "none" else f", averaged over views ({measured['tta']})"
    print(visible(f"\n{what}: {measured['images']:,} images, {how}{views}"))
