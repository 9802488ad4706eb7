"""Data: what was trained on, the fingerprint that tells whether it is the same again, and the preprocessing."""

from __future__ import annotations

from collections.abc import Sequence

from cnnwiz.report.blocks import Block, Column, Facts, Fold, Mono, Section, Share, Table, beside
from cnnwiz.report.decided import yaml_of
from cnnwiz.report.numbers import amount
from cnnwiz.report.reading import Reading

MOST_CLASSES = 100


def data(runs: Sequence[Reading]) -> Section:
    """The facts of each run; runs on the same images are shown together."""
    shown: dict[str, tuple[Reading, list[str]]] = {}
    for run in runs:
        same = run.record.data.sha256 or run.label
        shown.setdefault(f"{same} {run.record.preprocessing}", (run, []))[1].append(run.label)
    columns = tuple(Column(", ".join(labels), _facts(run)) for run, labels in shown.values())
    lead = "The fingerprint covers names, labels and sizes of all files (pixels where there are no files)."
    return Section("data", "Data", lead, beside(columns))


def _facts(run: Reading) -> tuple[Block, ...]:
    record = run.record
    totals = {split: sum(counts.values()) for split, counts in record.data.images.items()}
    rows: list[tuple[str, str | Mono]] = [("Source", Mono(yaml_of(run.spec.data.source)))]
    rows += [(f"Images for {split}", amount(total)) for split, total in totals.items()]
    rows.append(("Fingerprint", Mono(record.data.sha256 or "not known")))
    if record.preprocessing:
        rows += _preprocessing(run)
    blocks: list[Block] = [Facts(tuple(rows))]
    if totals and any(record.data.images.values()):
        table = _classes(run)
        blocks.append(
            table if len(table.rows) <= 12 else Fold(f"Images of each of {len(table.rows)} classes", (table,))
        )
    return tuple(blocks)


def _preprocessing(run: Reading) -> list[tuple[str, str | Mono]]:
    found = run.record.preprocessing
    if found is None:
        return []
    colour = "grey" if found.channels == 1 else "RGB"
    resized = f"short side to {found.canvas} px, centre {found.image_size} px, {colour}"
    numbers = (
        f"{name} {', '.join(f'{value:g}' for value in values)}" for name, values in _statistics(found.mean, found.std)
    )
    return [("Preprocessing", resized), ("Normalized by", "; ".join(numbers))]


def _statistics(mean: list[float], std: list[float]) -> tuple[tuple[str, list[float]], ...]:
    return ("mean", mean[:8]), ("deviation", std[:8])


def _classes(run: Reading) -> Table:
    """How many images each class has in each split; bars against the largest."""
    images = run.record.data.images
    splits = list(images)
    names = list(dict.fromkeys(name for counts in images.values() for name in counts))[:MOST_CLASSES]
    largest = {split: max(images[split].values(), default=0) or 1 for split in splits}
    rows = tuple(
        (name, *(Share(images[s].get(name, 0) / largest[s], amount(images[s].get(name, 0))) for s in splits))
        for name in names
    )
    rest = max(len(counts) for counts in images.values()) - len(names)
    caption = "Images of each class" + (f"; {amount(rest)} more classes are left out" if rest > 0 else "")
    return Table(caption, ("class", *splits), rows, frozenset(range(1, len(splits) + 1)))
