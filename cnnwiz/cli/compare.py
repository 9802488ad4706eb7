"""`cnnwiz compare`: what runs or specs decide otherwise, what each costs, which is better, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cnnwiz.cli.options import Device, Split, TableOrJson, Weights, Workers

if TYPE_CHECKING:
    from cnnwiz.studies.differences import Difference
    from cnnwiz.studies.subject import Subject

COSTS = (
    ("parameters", "parameters"),
    ("MACs per image", "macs"),
    ("bytes of activations", "activation_bytes"),
    ("seconds of training", "seconds"),
    ("images per second", "images_per_second"),
)


def compare(
    subjects: list[Path] = typer.Argument(help="Run directories or spec files, 2 or more; the first is the yardstick."),
    data: Path = typer.Option(None, "--data", help="Other images to judge runs on, as for eval."),
    split: Split = "test",
    weights: Weights = "best",
    no_eval: bool = typer.Option(False, "--no-eval", help="Decisions and cost only; no network is run."),
    device: Device = "auto",
    workers: Workers = 2,
    output_format: TableOrJson = "table",
) -> None:
    """Compare runs or specs: decisions in words, cost, and accuracy image by image where runs saw the same images.

    Example: cnnwiz compare runs/digits-1 runs/digits-2
    """
    import json

    from cnnwiz.cli.summary import words
    from cnnwiz.errors import CnnwizError
    from cnnwiz.studies.differences import differences
    from cnnwiz.studies.subject import subject

    if len(subjects) < 2:
        raise CnnwizError("name two or more runs or specs to compare")
    found = [subject(path) for path in subjects]
    first = found[0]
    decided = [differences(first.spec, other.spec, words) for other in found[1:]]
    results = {} if no_eval else _results(found, split, data, weights, device, workers)
    if output_format == "json":
        print(json.dumps(_as_json(found, decided, results), indent=2, allow_nan=False))
        return
    for other, changes in zip(found[1:], decided, strict=True):
        _decisions(first, other, changes)
    _cost(found)
    _accuracies(found, split if data is None else str(data), results)


def _results(
    found: list[Subject], split: str, data: Path | None, weights: str, device: str, workers: int
) -> dict[str, Any]:
    """For each run by its place its accuracy, and for all behind the first run the comparison with it."""
    runs = [place for place, one in enumerate(found) if one.is_run]
    if not runs:
        return {}
    from cnnwiz.studies.judged import against, judged

    seen = {place: judged(Path(found[place].name), split, data, weights, device, workers) for place in runs}
    first = seen[runs[0]]
    results: dict[str, Any] = {"runs": {place: one.as_json() for place, one in seen.items()}, "against": {}}
    results["first"] = runs[0]
    results["against"] = {place: against(first, seen[place]) for place in runs[1:]}
    return results


def _as_json(found: list[Subject], decided: list[list[Difference]], results: dict[str, Any]) -> dict[str, Any]:
    items = []
    for place, one in enumerate(found):
        item = {"name": one.name, "kind": "run" if one.is_run else "spec", "cost": one.cost}
        if place:
            item["differences"] = [change._asdict() for change in decided[place - 1]]
        if results and place in results["runs"]:
            item["accuracy"] = results["runs"][place]
        if results and place in results["against"]:
            item["against"] = {"name": found[results["first"]].name, **results["against"][place].as_json()}
        items.append(item)
    return {"subjects": items}


def _decisions(first: Subject, other: Subject, changes: list[Difference]) -> None:
    from cnnwiz.cli.plain import visible

    print(visible(f"{first.name} -> {other.name}"))
    if not changes:
        print("  the same decisions")
    for path, old, new in changes:
        if old is None:
            print(visible(f"  {path}: {new} is new"))
        elif new is None:
            print(visible(f"  {path}: {old} is gone"))
        else:
            print(visible(f"  {path}: {old} -> {new}"))
    print()


def _cost(found: list[Subject]) -> None:
    """A row for each kind of cost, a column for each subject, later ones with their factor."""
    from cnnwiz.cli.plain import aligned, columns

    rows = []
    for title, key in COSTS:
        values = [one.cost[key] for one in found]
        if any(value is not None for value in values):
            rows.append((title, *(_figure(value, values[0] if place else None) for place, value in enumerate(values))))
    header = ("cost", *(Path(one.name).name for one in found))
    print(aligned(header, rows, tuple(range(1, len(found) + 1)), columns()))


def _figure(value: float | None, first: float | None) -> str:
    if value is None:
        return "-"
    shown = f"{value:,.0f}"
    return f"{shown} (x{value / first:.2f})" if first else shown


def _accuracies(found: list[Subject], where: str, results: dict[str, Any]) -> None:
    if not results:
        return
    from cnnwiz.cli.plain import visible

    print(visible(f"\naccuracy, {where}"))
    for place, row in results["runs"].items():
        low, high = row["interval"]
        images = f"{row['images']:,} images"
        print(
            visible(f"  {found[place].name}: {row['accuracy']:.4f}  (95 % interval {low:.4f} to {high:.4f}; {images})")
        )
    for place, one in results["against"].items():
        low, high = one.interval
        print(visible(f"  {found[place].name} against {found[results['first']].name}: "), end="")
        print(f"{one.difference:+.4f}  (95 % interval {low:+.4f} to {high:+.4f})")
        if one.paired:
            print(
                f"    of the same images {one.only_first} only by the first, {one.only_second} only by the second: ",
                end="",
            )
            print(f"McNemar p = {one.p:.2g}")
        else:
            print("    not the same images, so compared as two samples")
        if not one.clear:
            print("    that is no clear difference: more images, or several seeds, would tell")
