"""`cnnwiz train --dry-run`: a short real run that leaves nothing behind, and what it tells about the long one."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from cnnwiz.errors import CnnwizError
from cnnwiz.graph import input_shape
from cnnwiz.spec.phase import Phase
from cnnwiz.spec.stages import sides, stages

if TYPE_CHECKING:
    from cnnwiz.spec import Spec
    from cnnwiz.training.run import Run

STEPS = (3, 20)
"""At least and at most so many steps; between them it ends once SECONDS have passed."""
SECONDS = 3.0


def rehearse(spec: Spec | None, run_dir: Path | None, device: str, workers: int, as_json: bool) -> int:
    """Train a few steps in a folder of its own beside the future run, save, read back, delete, and print estimates."""
    if spec is None:
        raise CnnwizError("--dry-run needs a spec")
    print("loading torch...", file=sys.stderr)
    from cnnwiz.training.run import Run

    beside = (run_dir or Path("runs")).absolute()
    while not beside.is_dir():
        beside = beside.parent
    try:
        folder = Path(tempfile.mkdtemp(prefix=".cnnwiz-dry-run-", dir=beside))
    except OSError as error:
        raise CnnwizError(f"{beside}: cannot hold a run: {error.strerror}") from None
    try:
        with Run.create(folder, spec) as run:
            measured = _measure(run, device, workers)
    finally:
        shutil.rmtree(folder)
    if as_json:
        import json

        print(json.dumps(measured, indent=2))
    else:
        _show(measured)
    return 0


def _measure(run: Run, device: str, workers: int) -> dict[str, Any]:
    """Train until enough steps are done; the numbers of them."""
    from cnnwiz.training.checkpoint import read
    from cnnwiz.training.events import Started
    from cnnwiz.training.loop import fit

    times = [time.monotonic()]
    started: Started | None = None

    def stop() -> int:
        times.append(time.monotonic())
        done = len(times) - 1
        return 15 if done >= STEPS[1] or (done >= STEPS[0] and times[-1] - times[1] > SECONDS) else 0

    for event in fit(run, device, workers, stop):
        if isinstance(event, Started):
            started, times[0] = event, time.monotonic()
    assert started is not None, "a run that ends without an error has started"
    newest = max(run.checkpoints.glob("step-*.safetensors"))
    read(newest)
    between = [late - early for late, early in zip(times[2:], times[1:-1], strict=True)]
    seconds = median(between or [times[-1] - times[0]])
    return {
        "parameters": started.parameters,
        "train_images": started.train_images,
        "epochs": started.epochs,
        "steps": sum(epochs * steps for epochs, steps, _ in _phases(run.spec, started.train_images)),
        "steps_done": len(times) - 1,
        "seconds_to_first_step": round(times[1] - times[0], 3),
        "seconds_per_step": round(seconds, 6),
        "images_per_second": round(started.batch_size / seconds, 1),
        "seconds_of_training": round(_total(run.spec, started.train_images, seconds), 1),
        "memory_bytes": _memory(started.device),
        "checkpoint_bytes": newest.stat().st_size,
        "disk_free_bytes": shutil.disk_usage(run.path).free,
    }


def _phases(spec: Spec, images: int) -> list[tuple[int, int, float]]:
    """(epochs, steps an epoch, pixels in a step) of each phase; growing images count with their mean area."""
    found = []
    for phase, stage in zip(spec.phases or (Phase(),), stages(spec), strict=True):
        epochs, batch = stage.training.epochs, stage.training.batch_size
        sizes = sides(phase, epochs, input_shape(stage)[1])
        area = sum(side * side for side in sizes) / epochs
        found.append((epochs, max(images // batch, 1), area * batch))
    return found


def _total(spec: Spec, images: int, seconds: float) -> float:
    """Seconds of all steps: those measured at the first size, by the number of pixels at the others."""
    first = stages(spec)[0]
    side = sides(spec.phases[0] if spec.phases else Phase(), first.training.epochs, input_shape(first)[1])[0]
    measured = side * side * first.training.batch_size
    return sum(epochs * steps * seconds * work / measured for epochs, steps, work in _phases(spec, images))


def _memory(device: str) -> int:
    """Bytes at the highest: of the GPU where it computes, else of this process."""
    import torch

    if torch.cuda.is_available() and device != "cpu":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:  # Windows does not tell
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _show(measured: dict[str, Any]) -> None:
    kept = 3 * measured["checkpoint_bytes"]
    print(f"ran      {measured['steps_done']} steps, one checkpoint written, read back and deleted")
    print(
        f"speed    {measured['images_per_second']:,.0f} images per second, {measured['seconds_per_step']:.3g} s a step"
    )
    print(
        f"time     about {_duration(measured['seconds_of_training'])} for {measured['steps']:,} steps in "
        f"{measured['epochs']} epochs, validation not counted"
    )
    print(f"memory   {measured['memory_bytes'] / 1e9:.2f} GB at the highest")
    print(
        f"disk     {measured['checkpoint_bytes'] / 1e6:.1f} MB a checkpoint, {kept / 1e6:.1f} MB at most at once, "
        f"{measured['disk_free_bytes'] / 1e9:.1f} GB free"
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
