"""What is compared: a spec, or a run with its spec and record. What it costs is known without torch."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.spec import Spec, load
from cnnwiz.training.places import require_run


@dataclass(frozen=True)
class Subject:
    """A spec by its file, or a run by its directory. `record` is what run.json says; {} for a spec."""

    name: str
    spec: Spec
    record: dict[str, Any]
    cost: dict[str, Any]

    @property
    def is_run(self) -> bool:
        """Whether there is a trained network."""
        return bool(self.record)


def subject(path: Path) -> Subject:
    """A run directory or a spec file. Raises CnnwizError for anything else."""
    if not path.is_dir():
        spec = load(path)
        return Subject(str(path), spec, {}, _cost(spec, None))
    require_run(path)
    try:
        record = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CnnwizError(f"{path / 'run.json'}: cannot be read: {error}", code=4) from None
    if not isinstance(record, dict):
        raise CnnwizError(f"{path / 'run.json'}: not the record of a run", code=4)
    spec = load(path / "spec.yaml")
    seconds = record.get("seconds")
    trained = {
        "seconds": seconds if isinstance(seconds, (int, float)) else None,
        "images_per_second": _speed(path / "timing.jsonl"),
        "device": str(record.get("device")),
    }
    return Subject(str(path), spec, record, _cost(spec, trained))


def _cost(spec: Spec, trained: dict[str, Any] | None) -> dict[str, Any]:
    graph = graph_of(spec)
    if graph.finding:
        raise CnnwizError(graph.finding.message)
    return {
        "parameters": graph.parameters,
        "macs": graph.macs,
        "activation_bytes": graph.activation_bytes,
        **(trained or {"seconds": None, "images_per_second": None, "device": None}),
    }


def _speed(path: Path) -> float | None:
    """Median images per second of training over the epochs; a torn last line is passed over."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    speeds = []
    for line in lines:
        try:
            speed = json.loads(line)["images_per_second"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(speed, (int, float)):
            speeds.append(float(speed))
    return statistics.median(speeds) if speeds else None
