"""What is told and kept of a run: facts of its beginning, the line of an epoch, its weights."""

from __future__ import annotations

from typing import Any

import torch

from cnnwiz.catalog.loss import CLASSIFY
from cnnwiz.training.assemble import Assembly
from cnnwiz.training.distributed import Ranks
from cnnwiz.training.events import Epoch, Started
from cnnwiz.training.run import Run
from cnnwiz.training.state import Progress


def facts(made: Assembly, ranks: Ranks) -> dict[str, Any]:
    """What run.json says of data, network and machine."""
    return {
        "classes": made.data.classes,
        "data": made.data.fingerprint,
        "preprocessing": made.data.preprocessing,
        "parameters": made.graph.parameters,
        "device": made.place.name,
        "precision": made.place.precision,
        "threads": torch.get_num_threads(),
        "ranks": ranks.count,
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def started(run: Run, made: Assembly, progress: Progress) -> Started:
    data, place, first = made.data, made.place, made.phases[0]
    return Started(
        run_dir=str(run.path),
        name=run.spec.name,
        parameters=made.graph.parameters,
        device=place.name,
        precision=f"{place.precision} ({place.why})",
        threads=torch.get_num_threads(),
        train_images=len(data.train),
        validation_images=len(data.validation) if data.validation else 0,
        test_images=len(data.test) if data.test else 0,
        classes=len(data.classes),
        batch_size=first.spec.training.batch_size,
        steps_per_epoch=first.steps,
        epochs=made.phases[-1].end,
        epoch=progress.epoch,
        seed=run.spec.training.seed,
    )


def epoch_line(epoch: int, rate: float, progress: Progress, task: str) -> dict[str, Any]:
    return {
        "epoch": epoch + 1,
        "lr": rate,
        "train_loss": float(progress.loss_sum) / int(progress.seen),
        "train_accuracy": None if task != CLASSIFY else int(progress.correct) / int(progress.seen),
        "val_loss": None,
        "val_accuracy": None,
    }


def keep(run: Run, made: Assembly, event: Epoch) -> None:
    """Write an epoch's lines and weights; its checkpoint is written last."""
    run.append("metrics.jsonl", event.metrics())
    run.append("timing.jsonl", event.timing())
    about = {
        "classes": made.data.classes,
        "preprocessing": made.data.preprocessing,
        "epoch": event.epoch,
        "metrics": event.metrics(),
    }
    for name in ("best", "last") if event.best else ("last",):
        run.save_weights(name, made.judged.state_dict(), about)
