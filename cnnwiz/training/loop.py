"""The training loop: reads top to bottom in the order one would explain it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_

from cnnwiz.data.cache import Cache
from cnnwiz.data.loader import Batch, train_batches
from cnnwiz.data.prepare import prepare
from cnnwiz.data.resident import placed
from cnnwiz.graph import input_shape
from cnnwiz.nn.lsuv import settle
from cnnwiz.training.account import epoch_line, facts, keep, started
from cnnwiz.training.assemble import Assembly, assemble
from cnnwiz.training.checkpoint import read
from cnnwiz.training.compiled import compile_network, keep_compiled
from cnnwiz.training.device import PRECISIONS, Device, choose_device, raise_allocator_thresholds
from cnnwiz.training.distributed import ALONE, Ranks
from cnnwiz.training.evaluate import metrics_of, scores
from cnnwiz.training.events import Epoch, Event, Finished, Notice, Step, Stopped, judged_by
from cnnwiz.training.guard import (
    finite_or_none,
    machine_changes,
    require_finite_loss,
    require_finite_weights,
    require_same_data,
)
from cnnwiz.training.memory import fitting
from cnnwiz.training.phases import Stage, entered, renew_statistics, set_resting, stage_at
from cnnwiz.training.run import Run, versions
from cnnwiz.training.state import Progress, restore, snapshot
from cnnwiz.training.step import evaluate, mean_loss, tally
from cnnwiz.training.transfer import take_over

SAVE = 1  # beside the numbers of the signals that end a run
SAVE_EVERY = 600.0
"""Seconds between checkpoints within an epoch."""


def fit(
    run: Run,
    device: str = "auto",
    workers: int = 0,
    stop: Callable[[], int] = lambda: 0,
    reading: Callable[[int, int], None] | None = None,
    ranks: Ranks = ALONE,
    save_every: float = SAVE_EVERY,
    cache: Cache | None = None,
) -> Iterator[Event]:
    """Train the run's spec from its newest checkpoint, or from the start, to the end.

    `stop` is asked after every step; a signal number other than 0 saves and ends the run (event Stopped).
    `workers` processes decode images, `reading` hears (done, total) meanwhile, `cache` keeps them; a checkpoint is
    written behind each epoch and every `save_every` seconds. None of that changes any result. Of several `ranks` each
    runs this.
    Raises CnnwizError: 2 for data and device, 3 for a loss that is not finite, 4 for the disk, 6 for memory.
    """
    raise_allocator_thresholds()
    place = _place(run, device, ranks)

    # Data: decoded once, split the same way everywhere.
    side = input_shape(run.spec)[1]
    seed = run.spec.training.seed
    data = ranks.leader_first(lambda: prepare(run.spec.data, side, seed, workers, reading, cache=cache))
    data = placed(data, place.type)
    yield from (Notice(text) for text in data.notices)
    made = assemble(run.spec, place, data, ranks)
    phases, shares, told = fitting(made, ranks, run.record.get("parts"))
    yield from (Notice(text) for text in told)
    spec, graph, network = made.spec, made.graph, made.network
    if spec.training.compile:
        compile_network(network, place.type)
    learned, optimizer, average, scaler = made.learned, made.optimizer, made.average, made.scaler

    progress = yield from _begin(run, made, ranks, shares)
    yield started(run, made, progress)
    saved, called, entered_phase, loss = time.monotonic(), network, None, None

    def save(step: int) -> None:
        run.save_checkpoint(step, *snapshot(learned, optimizer, average, scaler, progress))

    for epoch in range(progress.epoch, phases[-1].end):
        first = progress.batch
        phase = stage_at(phases, epoch)
        training, steps = phase.spec.training, phase.steps
        batches_from = _batches(made, phase, epoch, ranks)
        if epoch == phase.first_epoch and not first:
            yield from entered(phase, phases)
            if phase.renews:
                with ranks.failures():
                    renew_statistics(network, batches_from(), place, training.batch_size, training.seed)
                ranks.spread(list(network.buffers()))
        learned.train()
        set_resting(network, graph, phase.freeze, made.trained)
        if phase is not entered_phase:
            called, entered_phase = ranks.wrap(network), phase
        size = min(training.batch_size, len(data.train))
        weight = ranks.weight(size)
        began = time.monotonic()
        for images, labels, _ in batches_from(first_batch=first):
            step = phase.step(epoch, progress.batch)
            rate = phase.rate(step)
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("lr_factor", 1.0) * group.get("depth_factor", 1.0)
            _reseed(training.seed, step, ranks.number)

            if step == 0 and not spec.model.origin:
                settle(network, images[: training.micro_batch])  # the initialization lsuv looks at images
                ranks.spread([*network.parameters(), *network.buffers()])

            # The loss and its gradient; some optimizers ask for them several times more within their step.
            again = partial(
                evaluate, learned, made.objective, images, labels, phase.spec, place, scaler, called, weight
            )
            with ranks.failures():
                parts = again()
            progress.take(ranks.total(tally(parts)))
            ranks.average(made.loss)
            if training.gradient_clip:
                scaler.unscale_(optimizer)
                clip_grad_norm_(learned.parameters(), training.gradient_clip)
            if place.type == "cpu" or progress.batch % 50 == 0:  # reading the loss makes a GPU wait
                loss = float(progress.loss_sum) / max(int(progress.seen), 1)
                require_finite_loss(loss, epoch, progress.batch, rate)
            if spec.optimizer.closure:
                optimizer.step(lambda again=again: mean_loss(again()))
            else:
                scaler.step(optimizer)
                scaler.update()
            learned.zero_grad(set_to_none=True)
            made.loss.after_step()
            if made.slow:
                made.slow.update(step)
            if average:
                average.update(network, step)
            progress.batch += 1
            yield Step(epoch, progress.batch, steps, size, loss)
            number = ranks.agree(stop() or SAVE * (time.monotonic() - saved > save_every))
            if number:
                require_finite_weights(learned, epoch, progress.batch, rate)
                save(step + 1)
                saved = time.monotonic()
            if number > SAVE:
                yield _stopped(run, epoch, progress.batch, number)
                return

        # The epoch's numbers, then everything that must survive, in one file.
        rate = phase.rate(phase.step(epoch, steps - 1))
        require_finite_loss(float(progress.loss_sum), epoch, steps - 1, rate)
        require_finite_weights(learned, epoch, steps, rate)
        line = epoch_line(epoch, rate, progress, spec.task)
        images_seen = (steps - first) * size
        seconds = time.monotonic() - began
        try:
            line |= _validated(made, ranks, stop)
        except _Interrupted as interruption:
            save(phase.step(epoch, steps))
            yield _stopped(run, epoch, steps, interruption.number)
            return
        best = progress.finish_epoch(epoch, judged_by(line))
        event = Epoch(**line, seconds=seconds, images_per_second=images_seen / seconds, best=best)
        keep(run, made, event)
        save(phase.step(epoch, steps))
        saved = time.monotonic()
        yield event

    ranks.meet()
    yield from _finish(run, made, ranks)


class _Interrupted(Exception):
    """A signal came while nothing is lost by leaving off."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stopped(run: Run, epoch: int, step: int, number: int) -> Stopped:
    """A run that leaves off for signal `number`, its state saved: told here and in run.json."""
    run.save_record("stopped")
    return Stopped(str(run.path), epoch, step, number)


def _begin(run: Run, made: Assembly, ranks: Ranks, shares: dict[str, int]) -> Generator[Event, None, Progress]:
    """Put back the newest checkpoint, or start the run; how far it is."""
    found = ranks.leader_first(run.latest_checkpoint, everywhere=True)
    if found:
        tensors, state, notices = found
        require_same_data(run.record, made.data.fingerprint)
        progress = restore(tensors, state, made.learned, made.optimizer, made.average, made.scaler)
        notices += machine_changes(run.record, facts(made, ranks), versions())
        yield from (Notice(text) for text in notices)
        run.go_on(made.spec)
    else:
        progress = Progress()
        if made.spec.model.origin:
            yield Notice(take_over(Path(made.spec.model.origin), made.network, made.data.classes))
            if made.average:
                made.average.network.load_state_dict(made.network.state_dict())
        run.begin(made.spec, facts(made, ranks) | {"parts": shares})
    run.truncate_logs(progress.epoch)
    return progress


def _batches(made: Assembly, phase: Stage, epoch: int, ranks: Ranks) -> Callable[..., Iterator[Batch]]:
    """The batches of an epoch, or this rank's share of each, from `first_batch` on."""
    return partial(
        train_batches,
        made.data.train,
        phase.spec.augment,
        phase.side(epoch),
        made.data.preprocessing,
        phase.spec.training.batch_size,
        phase.spec.training.seed,
        epoch,
        device=made.place.type,
        sample=made.sample,
        classes=made.graph.classes,
        share=ranks.share if ranks.count > 1 else None,
    )


def _validated(made: Assembly, ranks: Ranks, stop: Callable[[], int]) -> dict[str, Any]:
    """What an epoch measures on validation images; a signal ends it between batches where there is one rank."""
    if made.data.validation is None:
        return {}

    def check() -> None:
        if ranks.count == 1 and (number := stop()):
            raise _Interrupted(number)

    ranks.spread(list(made.judged.buffers()))
    found = scores(made.judged, made.data.validation, made.data.preprocessing, made.place.type, ranks, check)
    return {f"val_{name}": value for name, value in finite_or_none(metrics_of(made.spec, *found)).items()}


def _finish(run: Run, made: Assembly, ranks: Ranks) -> Iterator[Event]:
    """Judge the best weights on the test images, once, and close the record."""
    data, judged = made.data, made.judged
    tensors, about = read(run.path / "best.safetensors")
    last = read(run.path / "last.safetensors")[1]["metrics"]
    metrics = {name: value for name, value in about["metrics"].items() if name.startswith("val_") and value is not None}
    if data.test:
        judged.load_state_dict(tensors)
        found = scores(judged, data.test, data.preprocessing, made.place.type, ranks)
        result = finite_or_none(metrics_of(run.spec, *found))
        metrics |= {f"test_{name}": value for name, value in result.items() if value is not None}
    run.save_record("finished", metrics=metrics, best=about["metrics"], last=last)
    yield Finished(str(run.path), metrics, run.seconds)


def _place(run: Run, device: str, ranks: Ranks) -> Device:
    """The device, and an arithmetic that is the same for all ranks and every process of the run."""
    training, full = run.spec.training, run.spec.optimizer.full_precision
    if training.compile:
        keep_compiled(run.path / "compiled")
    place = choose_device(device, training.precision, full, run.record.get("precision"))
    agreed = PRECISIONS[ranks.agree(PRECISIONS.index(place.precision))]
    return place if place.precision == agreed else replace(place, precision=agreed, why="as another rank needs it")


def _reseed(seed: int, step: int, rank: int) -> None:
    """Dropout and the like draw from a stream of their own at each step, so that a resumed run draws the same."""
    torch.manual_seed((seed * 1_000_003 + step + (rank << 40)) % 2**63)
