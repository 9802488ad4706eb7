"""A run directory as a report needs it. Runs come from anyone: what their files say is checked before it is shown."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import Evaluation, evaluate
from cnnwiz.graph import Graph, graph_of
from cnnwiz.spec import Document, Spec, load, open_document
from cnnwiz.training.places import read_record, require_run
from cnnwiz.training.run import WRITTEN

MOST_BYTES = 64 << 20
"""Of metrics.jsonl: a hundred thousand epochs are 20 MB."""
Word = Annotated[str, Field(max_length=4096)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Git(_Part):
    """State of the repository the run was started in."""

    commit: Word
    changed: bool = False


class Data(_Part):
    """What was trained on: images for each split and class, and a digest."""

    images: dict[Word, dict[Word, int]] = {}
    sha256: Word = ""


class Preprocessing(_Part):
    """What is done to each image before the network."""

    channels: int
    canvas: int
    image_size: int
    mean: list[float]
    std: list[float]


class Record(_Part):
    """run.json; every key may be missing."""

    status: Word = "not begun"
    cnnwiz: Word = "unknown"
    seed: int | None = None
    seconds: float | None = None
    versions: dict[Word, Word] = {}
    git: Git | None = None
    started: Word = ""
    classes: list[Word] = Field(default=[], max_length=1_000_000)
    data: Data = Data()
    preprocessing: Preprocessing | None = None
    parameters: int | None = None
    device: Word = "unknown"
    precision: Word = "unknown"
    threads: int | None = None
    metrics: dict[Word, float | None] = {}
    best: dict[Word, float | None] = {}


@dataclass(frozen=True, eq=False)
class Reading:
    """What one run directory says."""

    path: Path
    label: str
    """What the run is called on the page: the name of its directory, or its path where two have one name."""
    spec: Spec
    graph: Graph
    record: Record
    epochs: tuple[dict[str, Any], ...]
    """Lines of metrics.jsonl, with those of timing.jsonl."""
    written: Document | None
    """The spec with its comments, as the user wrote it, where the run kept it."""
    split: str = "test"
    """Which images `evaluation` is about."""
    evaluation: Evaluation | None = None
    missing: str = ""
    """Why there is no evaluation."""

    def series(self, name: str) -> list[tuple[float, float]]:
        """(epoch, value) where there is a value."""
        pairs = ((_number(line.get("epoch")), _number(line.get(name))) for line in self.epochs)
        return [(epoch, value) for epoch, value in pairs if epoch is not None and value is not None]

    @property
    def classified(self) -> dict[str, Any] | None:
        """What was measured of a classifier; None of other tasks and where nothing was."""
        measured = self.evaluation.measured if self.evaluation else {}
        return measured if "confusion" in measured else None

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights are kept as the best."""
        epoch = self.record.best.get("epoch")
        return None if epoch is None else int(epoch)


def read_runs(paths: list[Path]) -> tuple[Reading, ...]:
    """The runs in these directories. Raises CnnwizError for what is no run, or damaged."""
    names = [path.resolve().name for path in paths]
    labels = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    return tuple(read_run(path, label) for path, label in zip(paths, labels, strict=True))


def read_run(path: Path, label: str) -> Reading:
    """The run in this directory."""
    require_run(path)
    try:
        record = Record.model_validate(read_record(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CnnwizError(f"{path / 'run.json'}: {where}: {first['msg']}; not as cnnwiz writes it", code=4) from None
    spec = load(path / "spec.yaml")
    graph = graph_of(spec)
    if graph.finding:
        raise CnnwizError(f"{path / 'spec.yaml'}: {graph.finding.message}")
    lines = _lines(path / "metrics.jsonl")
    times = {line.get("epoch"): line for line in _lines(path / "timing.jsonl") if _number(line.get("epoch"))}
    epochs = tuple({**times.get(line.get("epoch"), {}), **line} for line in lines if _number(line.get("epoch")))
    written = open_document(path / WRITTEN) if (path / WRITTEN).is_file() else None
    return Reading(path, label, spec, graph, record, epochs, written)


def judged(run: Reading, split: str | None, device: str, workers: int) -> Reading:
    """The run with its best weights measured on `split` (default: test images where there are any, else validation).

    Where the data or the weights cannot be used, `missing` says why, and the report does without.
    """
    chosen = split or ("validation" if run.record.data.images and "test" not in run.record.data.images else "test")
    try:
        return replace(run, split=chosen, evaluation=evaluate(run.path, chosen, device=device, workers=workers))
    except CnnwizError as error:
        return replace(run, split=chosen, missing=str(error))


def _lines(path: Path) -> list[dict[str, Any]]:
    """The objects in a file of JSON lines; a last line that is torn is left out, as a running process leaves one."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CnnwizError(f"{path}: cannot be read: {error.strerror}", code=4) from None
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):
                break
            raise CnnwizError(f"{path}:{number}: not a JSON object", code=4) from None
        if not isinstance(value, dict):
            raise CnnwizError(f"{path}:{number}: not a JSON object", code=4)
        found.append(value)
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
