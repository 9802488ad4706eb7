"""Environment: on what the numbers depend, and the command that makes them again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from cnnwiz.amounts import count
from cnnwiz.report.blocks import Block, Column, Facts, Fold, Listing, Mono, Section, Text, beside
from cnnwiz.report.numbers import duration
from cnnwiz.report.reading import Reading
from cnnwiz.spec.write import write


def environment(runs: Sequence[Reading]) -> Section:
    """Versions, machine, time, and how to repeat each run."""
    columns = tuple(Column(run.label, _run(run)) for run in runs)
    lead = "The same spec, seed, data, versions and kind of device give the same bits."
    return Section("environment", "Environment and reproduction", lead, beside(columns))


def _run(run: Reading) -> tuple[Block, ...]:
    record = run.record
    rows: list[tuple[str, str | Mono]] = [("Status", record.status), ("Started", record.started or "not known")]
    if record.seconds is not None:
        rows.append(("Wall time", duration(record.seconds)))
    threads = f", {count(record.threads, 'thread')}" if record.threads else ""
    rows.append(("Device", f"{record.device}{threads}, {record.precision}"))
    rows.append(("Seed", "not known" if record.seed is None else str(record.seed)))
    rows.append(("cnnwiz", record.cnnwiz))
    rows += [(name, version) for name, version in record.versions.items()]
    if record.git:
        changed = ", with uncommitted changes" if record.git.changed else ""
        rows.append(("Commit", f"{record.git.commit}{changed}"))
    if run.written is not None:
        said, spec = "The spec as it was written", run.written.text
    else:
        said, spec = "The spec", write(run.spec)
    return (
        Facts(tuple(rows)),
        Text(("To train the same again, save the spec below as ", Mono(f"{run.spec.name}.yaml"), " and run:")),
        Listing(command(run)),
        Fold(said, (Listing(spec),)),
        Fold("The spec with every value, as the run resolved it", (Listing(write_all(run)),)),
    )


def command(run: Reading) -> str:
    """What to type. The precision that `auto` chose is part of what is repeated, so it is named where it matters."""
    seed = "" if run.record.seed in (None, _written_seed(run)) else f" --seed {run.record.seed}"
    return shlex.join(["cnnwiz", "train", f"{run.spec.name}.yaml"]) + seed


def _written_seed(run: Reading) -> int:
    written = run.written.spec if run.written is not None and run.written.spec is not None else run.spec
    return written.training.seed


def write_all(run: Reading) -> str:
    """spec.yaml of the run, byte for byte."""
    return (run.path / "spec.yaml").read_text(encoding="utf-8")
