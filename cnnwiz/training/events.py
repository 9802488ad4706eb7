"""What training says while it runs. The loop yields these; terminals, JSON lines and tests consume them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    def as_json(self) -> dict[str, Any]:
        """The event as a JSON object; `event` is its name in lower case."""
        return {"event": type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Reading(Event):
    """Images are being read and decoded."""

    done: int
    total: int


@dataclass(frozen=True)
class Notice(Event):
    """Something the user should know."""

    text: str


@dataclass(frozen=True)
class Started(Event):
    """Everything is resolved and the first step is next."""

    run_dir: str
    name: str
    parameters: int
    device: str
    precision: str
    threads: int
    train_images: int
    validation_images: int
    test_images: int
    classes: int
    batch_size: int
    steps_per_epoch: int
    epochs: int
    epoch: int
    seed: int


@dataclass(frozen=True)
class Phase(Event):
    """A phase begins, where there are several. Images grow from `first_size` to `last_size` pixels; the first `freeze`
    lines of model.layers rest."""

    number: int
    phases: int
    epochs: int
    steps_per_epoch: int
    first_size: int
    last_size: int
    lr: float
    freeze: int


@dataclass(frozen=True)
class Step(Event):
    """One optimizer step on so many images is done. `loss`: mean of the epoch so far, where it was read."""

    epoch: int
    step: int
    steps: int
    images: int
    loss: float | None = None


VERIFICATION = ("val_auc", "val_tar", "val_tar_1e3", "val_knn_accuracy")
"""What an epoch measures for task embed only."""
DETECTION = ("val_map", "val_map50")
"""What an epoch measures for task detect only."""
BEST_BY = ("val_auc", "val_map", "val_accuracy")
"""What tells the best epoch: the first of these that was measured."""


@dataclass(frozen=True)
class Epoch(Event):
    """One epoch is done, measured and saved. Accuracies are shares, times seconds. For task embed there is no accuracy
    on training images and no loss on others, and `val_accuracy` is that of nearest neighbours."""

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    images_per_second: float
    best: bool
    val_auc: float | None = None
    val_tar: float | None = None
    val_tar_1e3: float | None = None
    val_knn_accuracy: float | None = None
    val_map: float | None = None
    val_map50: float | None = None

    def metrics(self) -> dict[str, Any]:
        """The line of metrics.jsonl: all but the times, so that the same run gives the same bytes."""
        skip = {"seconds", "images_per_second", "best"}
        skip |= {name for name in VERIFICATION + DETECTION if getattr(self, name) is None}
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in skip}

    def timing(self) -> dict[str, Any]:
        """The line of timing.jsonl."""
        return {"epoch": self.epoch, "seconds": self.seconds, "images_per_second": self.images_per_second}


@dataclass(frozen=True)
class Stopped(Event):
    """A signal or time limit ended the run early; the same command with --resume goes on."""

    run_dir: str
    epoch: int
    step: int
    signal: int


@dataclass(frozen=True)
class Finished(Event):
    """The run is complete."""

    run_dir: str
    metrics: dict[str, Any]
    seconds: float


def judged_by(line: dict[str, Any]) -> float | None:
    """The number of an epoch's line that tells which epoch is best; None without validation images."""
    return next((line[name] for name in BEST_BY if line.get(name) is not None), None)
