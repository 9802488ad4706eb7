"""The same spec gives the same bits: whatever the number of workers, and however often the run is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnwiz.spec import parse_text
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run

SPEC = """
cnnwiz: 1
name: small
{data}
augment:
  - random_crop: {{padding: 1}}
  - horizontal_flip
model:
  layers:
    - conv: {{channels: 8}}
    - pool: {{kernel: 2, stride: 2}}
    - basic: {{channels: 16}}
  head: {{average: {{dropout: 0.3}}}}
regularization: {{l2: {{}}}}
optimizer: {optimizer}
training: {{batch_size: 128, epochs: 3, ema: 0.9, precision: float32{more}}}
"""


def spec_text(data: str = "", optimizer: str = "{sgd: {lr: 0.05}}", more: str = "") -> str:
    return SPEC.format(data=data, optimizer=optimizer, more=more)


def parsed(text: str):
    document = parse_text(text)
    assert document.spec, document.findings
    return document.spec


def finish(run: Run) -> None:
    with run:
        for _ in fit(run, device="cpu"):
            pass


def result(directory: Path) -> tuple[bytes, bytes, bytes]:
    """What must not differ between runs."""
    return tuple((directory / name).read_bytes() for name in ("metrics.jsonl", "last.safetensors", "best.safetensors"))


def photos(folder: Path) -> None:
    """Two classes of small JPEGs that differ in brightness."""
    random = np.random.default_rng(0)
    for split, count in (("train", 80), ("test", 16)):
        for name, level in (("dark", 60), ("light", 180)):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.clip(random.normal(level, 40, (14, 12, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{index:03}.jpg")


def cnnwiz(*arguments: str, cwd: Path) -> subprocess.Popen:
    """A command in a process of its own; what it says is added to log.txt."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "cnnwiz", *arguments]
    with (cwd / "log.txt").open("ab") as log:
        return subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log)


@pytest.mark.slow
def test_worker_count_changes_no_bit(tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    data = "data: {source: {folder: {path: photos}}, image_size: 12}"
    (tmp_path / "small.yaml").write_text(spec_text(data, more=", epochs: 2").replace("epochs: 3, ", ""))
    runs = [
        cnnwiz("train", "small.yaml", "--no-lint", "--run-dir", f"run{workers}", "--workers", workers, cwd=tmp_path)
        for workers in ("0", "2")
    ]
    for process in runs:
        assert process.wait(timeout=300) == 0, (tmp_path / "log.txt").read_text()

    assert result(tmp_path / "run0") == result(tmp_path / "run2")
    assert (tmp_path / "run0/metrics.jsonl").read_text().count("\n") == 2


@pytest.mark.parametrize("optimizer", ["{sgd: {lr: 0.05}}", "adamw"])
@pytest.mark.parametrize("stop_at", [1, 10, 11, 17])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path: Path, optimizer: str, stop_at: int) -> None:
    """10 steps an epoch: the stops lie at the first step, at the end of an epoch, behind it, and inside the next."""
    spec = parsed(spec_text(optimizer=optimizer))
    finish(Run.create(tmp_path / "whole", spec))

    steps = iter(range(1, 1000))
    with Run.create(tmp_path / "parts", spec) as run:
        events = list(fit(run, device="cpu", stop=lambda: signal.SIGTERM if next(steps) == stop_at else 0))
    assert type(events[-1]).__name__ == "Stopped"
    finish(Run.reopen(tmp_path / "parts"))

    assert result(tmp_path / "parts") == result(tmp_path / "whole")


def test_another_seed_gives_another_run(tmp_path: Path) -> None:
    for seed in (0, 1):
        finish(Run.create(tmp_path / str(seed), parsed(spec_text(more=f", seed: {seed}"))))

    assert result(tmp_path / "0")[0] != result(tmp_path / "1")[0]


@pytest.mark.slow
def test_killed_runs_end_with_the_same_bits(tmp_path: Path) -> None:
    """SIGTERM with its orderly stop (143), then SIGKILL at arbitrary moments, each followed by --resume."""
    (tmp_path / "small.yaml").write_text(spec_text(more=", epochs: 12").replace("epochs: 3, ", ""))
    whole = cnnwiz("train", "small.yaml", "--no-lint", "--run-dir", "whole", "-q", cwd=tmp_path)
    assert whole.wait(timeout=300) == 0, (tmp_path / "log.txt").read_text()

    parts = tmp_path / "parts"
    process = cnnwiz("train", "small.yaml", "--no-lint", "--run-dir", "parts", "-q", cwd=tmp_path)
    wait_for_lines(parts / "metrics.jsonl", 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert json.loads((parts / "run.json").read_text())["status"] == "stopped"
    for lines, delay in ((3, 0.0), (5, 0.013), (8, 0.05)):
        process = cnnwiz("train", "--resume", "parts", "-q", cwd=tmp_path)
        wait_for_lines(parts / "metrics.jsonl", lines)
        time.sleep(delay)
        process.kill()
        process.wait(timeout=60)
    last = cnnwiz("train", "--resume", "parts", "-q", cwd=tmp_path)
    assert last.wait(timeout=300) == 0, (tmp_path / "log.txt").read_text()

    assert result(parts) == result(tmp_path / "whole")


def wait_for_lines(path: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < deadline, f"{path} did not reach {count} lines"
        time.sleep(0.005)
