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
from cnnwiz.graph import Graph, graph_of, input_shape
from cnnwiz.nn.losses import Loss
from cnnwiz.nn.lsuv import settle
from cnnwiz.nn.network import build_graph
from cnnwiz.spec import Spec
from cnnwiz.training.auxiliary import judged_beside
from cnnwiz.training.average import Average
from cnnwiz.training.checkpoint import read, write
from cnnwiz.training.device import Device, choose_device, raise_allocator_thresholds
from cnnwiz.training.evaluate import metrics_of, scores
from cnnwiz.training.events import Epoch, Event, Finished, Notice, Started, Step, Stopped
from cnnwiz.training.optimize import learning_rate, parameter_groups, require_possible
from cnnwiz.training.penalty import penalized
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
    spec = _resolved(run.spec, data.preprocessing, len(data.classes))
    require_possible(spec, len(data.train))
    training = spec.training
    sample = training.sampler.build()
    steps = len(sample(data.train.labels, training.batch_size, training.seed, 0))

    # Network, loss, optimizer.
    graph = graph_of(spec)
    network = build_graph(graph, training.seed).to(place.type)
    network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    loss_of = _loss(spec, graph).to(place.type)
    learned = nn.ModuleDict({"model": network, "loss": loss_of})
    objective = judged_beside(penalized(loss_of, network, graph, spec.regularization), loss_of, graph)
    average = Average(network, training.ema) if training.ema else None
    groups = parameter_groups(network, graph, spec, loss_of)
    optimizer = spec.optimizer.build(groups, network, fused=place.type != "mps")  # after the copy: it may add hooks
    scaler = torch.amp.GradScaler(place.type.split(":")[0], enabled=place.precision == "float16")
    judged = average.network if average else network

    # Where to begin: behind the newest checkpoint, or at the start.
    progress = Progress()
    found = run.latest_checkpoint()
    if found:
        tensors, state, notices = found
        progress = restore(tensors, state, learned, optimizer, average, scaler)
        yield from (Notice(text) for text in notices)
    else:
        run.begin(spec, _facts(data, place, graph.parameters))
    run.truncate_logs(progress.epoch)
    yield _started(run, data, place, graph.parameters, steps, progress)

    for epoch in range(progress.epoch, training.epochs):
        began = time.monotonic()
        first = progress.batch
        batches = train_batches(
            data.train,
            spec.augment,
            side,
            data.preprocessing,
            training.batch_size,
            training.seed,
            epoch,
            first,
            place.type,
            sample,
            graph.classes,
        )
        learned.train()
        for images, labels, _ in batches:
            step = epoch * steps + progress.batch
            rate = learning_rate(spec, step, steps)
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("lr_factor", 1.0)
            _reseed(training.seed, step)

            if step == 0:
                settle(network, images[: training.micro_batch])  # the initialization lsuv looks at images

            # The loss and its gradient; some optimizers ask for them several times more within their step.
            again = partial(evaluate, learned, objective, images, labels, spec, place, scaler)
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
            loss_of.after_step()
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
        rate = learning_rate(spec, (epoch + 1) * steps - 1, steps)
        _require_finite(progress, epoch, rate)
        line = _epoch_line(epoch, rate, progress, spec.task)
        trained = (steps - first) * training.batch_size
        seconds = time.monotonic() - began
        if data.validation:
            found = scores(judged, data.validation, data.preprocessing, place.type)
            line |= {f"val_{name}": value for name, value in metrics_of(spec, *found).items()}
        best = progress.finish_epoch(epoch, line.get("val_auc") or line["val_accuracy"])
        event = Epoch(**line, seconds=seconds, images_per_second=trained / seconds, best=best)
        run.append("metrics.jsonl", event.metrics())
        run.append("timing.jsonl", event.timing())
        about = {
            "classes": data.classes,
            "preprocessing": data.preprocessing,
            "epoch": epoch + 1,
            "metrics": event.metrics(),
        }
        for name in ("best", "last") if best else ("last",):
            write(run.path / f"{name}.safetensors", judged.state_dict(), about)
        run.save_checkpoint((epoch + 1) * steps, *snapshot(learned, optimizer, average, scaler, progress))
        yield event

    yield from _finish(run, judged, data, place.type)


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


def _loss(spec: Spec, graph: Graph) -> Loss:
    """The loss; weights of its own are drawn from the seed, on the CPU, whatever the device."""
    torch.manual_seed(spec.training.seed)
    return spec.loss.build(graph.classes, graph.output[0] if spec.task == EMBED else None)


def _resolved(spec: Spec, preprocessing: dict[str, Any], classes: int) -> Spec:
    """The spec with what the data decided written out, so that it means the same elsewhere."""
    names = ("image_size", "canvas", "channels")
    data = spec.data.model_copy(update={"classes": classes, **{name: preprocessing[name] for name in names}})
    if spec.data.classes not in (None, classes):
        raise CnnwizError(f"data.classes is {spec.data.classes}, but the data has {classes} classes")
    return spec.model_copy(update={"data": data})


def _facts(data: Prepared, place: Device, parameters: int) -> dict[str, Any]:
    """What run.json says of data, network and machine."""
    return {
        "classes": data.classes,
        "data": data.fingerprint,
        "preprocessing": data.preprocessing,
        "parameters": parameters,
        "device": place.name,
        "precision": place.precision,
        "threads": torch.get_num_threads(),
    }


def _started(run: Run, data: Prepared, place: Device, parameters: int, steps: int, progress: Progress) -> Started:
    training = run.spec.training
    return Started(
        run_dir=str(run.path),
        name=run.spec.name,
        parameters=parameters,
        device=place.name,
        precision=f"{place.precision} ({place.why})",
        threads=torch.get_num_threads(),
        train_images=len(data.train),
        validation_images=len(data.validation) if data.validation else 0,
        test_images=len(data.test) if data.test else 0,
        classes=len(data.classes),
        batch_size=training.batch_size,
        steps_per_epoch=steps,
        epochs=training.epochs,
        epoch=progress.epoch,
        seed=training.seed,
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
