"""The training loop: reads top to bottom in the order one would explain it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from cnnwiz.catalog.loss import EMBED
from cnnwiz.data.loader import train_batches
from cnnwiz.data.prepare import Prepared, prepare
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import input_shape
from cnnwiz.nn.lsuv import settle
from cnnwiz.training.assemble import Assembly, assemble
from cnnwiz.training.checkpoint import read, write
from cnnwiz.training.device import choose_device, raise_allocator_thresholds
from cnnwiz.training.evaluate import metrics_of, scores
from cnnwiz.training.events import Epoch, Event, Finished, Notice, Started, Step, Stopped
from cnnwiz.training.phases import entered, renew_statistics, set_resting, stage_at
from cnnwiz.training.run import Run
from cnnwiz.training.state import Progress, restore, snapshot
from cnnwiz.training.step import evaluate, mean_loss


def fit(
    run: Run,
    device: str = "auto",
    workers: int = 0,
    stop: Callable[[], int] = lambda: 0,
    reading: Callable[[int, int], None] | None = None,
) -> Iterator[Event]:
    """Train the run's spec from its newest checkpoint, or from the start, to the end.

    `stop` is asked after every step; a signal number other than 0 saves and ends the run (event Stopped).
    `workers` processes decode images, `reading` hears (done, total) meanwhile; neither changes any result.
    Raises CnnwizError: 2 for data and device, 3 for a loss that is not finite, 4 for the disk, 6 for memory.
    """
    raise_allocator_thresholds()
    place = choose_device(device, run.spec.training.precision, run.spec.optimizer.full_precision)

    # Data: decoded once, split the same way everywhere.
    side = input_shape(run.spec)[1]
    data = prepare(run.spec.data, side, run.spec.training.seed, workers, reading)
    yield from (Notice(text) for text in data.notices)
    made = assemble(run.spec, place, data)
    spec, phases, graph, network = made.spec, made.phases, made.graph, made.network
    learned, optimizer, average, scaler = made.learned, made.optimizer, made.average, made.scaler

    # Where to begin: behind the newest checkpoint, or at the start.
    progress = Progress()
    found = run.latest_checkpoint()
    if found:
        tensors, state, notices = found
        progress = restore(tensors, state, learned, optimizer, average, scaler)
        yield from (Notice(text) for text in notices)
    else:
        run.begin(spec, _facts(made))
    run.truncate_logs(progress.epoch)
    yield _started(run, made, progress)

    for epoch in range(progress.epoch, phases[-1].end):
        began = time.monotonic()
        first = progress.batch
        phase = stage_at(phases, epoch)
        training, steps = phase.spec.training, phase.steps
        batches_from = partial(
            train_batches,
            data.train,
            phase.spec.augment,
            phase.side(epoch),
            data.preprocessing,
            training.batch_size,
            training.seed,
            epoch,
            device=place.type,
            sample=made.sample,
            classes=graph.classes,
        )
        if epoch == phase.first_epoch and not first:
            yield from entered(phase, phases)
            if phase.renews:
                renew_statistics(network, batches_from(), place, training.batch_size, training.seed)
        learned.train()
        set_resting(network, graph, phase.freeze, made.trained)
        for images, labels, _ in batches_from(first_batch=first):
            step = phase.step(epoch, progress.batch)
            rate = phase.rate(step)
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("lr_factor", 1.0) * group.get("depth_factor", 1.0)
            _reseed(training.seed, step)

            if step == 0:
                settle(network, images[: training.micro_batch])  # the initialization lsuv looks at images

            # The loss and its gradient; some optimizers ask for them several times more within their step.
            again = partial(evaluate, learned, made.objective, images, labels, phase.spec, place, scaler)
            for part in again():
                progress.add(*part)
            if training.gradient_clip:
                scaler.unscale_(optimizer)
                clip_grad_norm_(learned.parameters(), training.gradient_clip)
            if place.type == "cpu" or progress.batch % 50 == 0:  # reading the loss makes a GPU wait
                _require_finite(progress, epoch, rate)
            if spec.optimizer.closure:
                optimizer.step(lambda again=again: mean_loss(again()))
            else:
                scaler.step(optimizer)
                scaler.update()
            learned.zero_grad(set_to_none=True)
            made.loss.after_step()
            if average:
                average.update(network, step)
            progress.batch += 1
            yield Step(epoch, progress.batch, steps)
            if number := stop():
                run.save_checkpoint(step + 1, *snapshot(learned, optimizer, average, scaler, progress))
                run.save_record("stopped")
                yield Stopped(str(run.path), epoch, progress.batch, number)
                return

        # The epoch's numbers, then everything that must survive, in one file.
        rate = phase.rate(phase.step(epoch, steps - 1))
        _require_finite(progress, epoch, rate)
        line = _epoch_line(epoch, rate, progress, spec.task)
        images_seen = (steps - first) * training.batch_size
        seconds = time.monotonic() - began
        if data.validation:
            found = scores(made.judged, data.validation, data.preprocessing, place.type)
            line |= {f"val_{name}": value for name, value in metrics_of(spec, *found).items()}
        best = progress.finish_epoch(epoch, line.get("val_auc") or line["val_accuracy"])
        event = Epoch(**line, seconds=seconds, images_per_second=images_seen / seconds, best=best)
        run.append("metrics.jsonl", event.metrics())
        run.append("timing.jsonl", event.timing())
        about = {
            "classes": data.classes,
            "preprocessing": data.preprocessing,
            "epoch": epoch + 1,
            "metrics": event.metrics(),
        }
        for name in ("best", "last") if best else ("last",):
            write(run.path / f"{name}.safetensors", made.judged.state_dict(), about)
        run.save_checkpoint(phase.step(epoch, steps), *snapshot(learned, optimizer, average, scaler, progress))
        yield event

    yield from _finish(run, made.judged, data, place.type)


def _finish(run: Run, judged: nn.Module, data: Prepared, device: str) -> Iterator[Event]:
    """Judge the best weights on the test images, once, and close the record."""
    tensors, about = read(run.path / "best.safetensors")
    last = read(run.path / "last.safetensors")[1]["metrics"]
    metrics = {name: value for name, value in about["metrics"].items() if name.startswith("val_") and value is not None}
    if data.test:
        judged.load_state_dict(tensors)
        result = metrics_of(run.spec, *scores(judged, data.test, data.preprocessing, device))
        metrics |= {f"test_{name}": value for name, value in result.items() if value is not None}
    run.save_record("finished", metrics=metrics, best=about["metrics"], last=last)
    yield Finished(str(run.path), metrics, run.seconds)


def _facts(made: Assembly) -> dict[str, Any]:
    """What run.json says of data, network and machine."""
    return {
        "classes": made.data.classes,
        "data": made.data.fingerprint,
        "preprocessing": made.data.preprocessing,
        "parameters": made.graph.parameters,
        "device": made.place.name,
        "precision": made.place.precision,
        "threads": torch.get_num_threads(),
    }


def _started(run: Run, made: Assembly, progress: Progress) -> Started:
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


def _epoch_line(epoch: int, rate: float, progress: Progress, task: str) -> dict[str, Any]:
    return {
        "epoch": epoch + 1,
        "lr": rate,
        "train_loss": float(progress.loss_sum) / progress.seen,
        "train_accuracy": None if task == EMBED else int(progress.correct) / progress.seen,
        "val_loss": None,
        "val_accuracy": None,
    }


def _reseed(seed: int, step: int) -> None:
    """Dropout and the like draw from a stream of their own at each step, so that a resumed run draws the same."""
    torch.manual_seed((seed * 1_000_003 + step) % 2**63)


def _require_finite(progress: Progress, epoch: int, rate: float) -> None:
    """Stop before a loss that is not finite reaches the weights or a file."""
    if not math.isfinite(float(progress.loss_sum)):
        raise CnnwizError(
            f"the loss is not finite in epoch {epoch + 1}, step {progress.batch + 1} (lr {rate:g}); the last "
            "checkpoint is intact. Lower optimizer lr, add schedule warmup_epochs or training.gradient_clip",
            code=3,
        )
