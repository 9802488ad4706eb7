"""Starting, killing and comparing short lives of `cnnwiz train`: what the campaigns and a part of the suite share."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
SPEC = """\
cnnwiz: 1
name: short
augment:
  - random_crop: {padding: 1}
model:
  layers:
    - conv: {channels: 8}
    - pool: {kernel: 2, stride: 2}
    - basic: {channels: 16}
  head: {average: {dropout: 0.3}}
regularization: {l2: {}}
optimizer: {sgd: {lr: 0.05}}
training: {batch_size: 128, epochs: 3, ema: 0.9, precision: float32}
phases:
  - {epochs: 2, image_size: 8, grow_from: 6}
  - {epochs: 2, image_size: 10, lr: 0.01, freeze: 1}
"""
"""A life cycle of a second: two phases, a size that grows, a change of size with statistics measured anew, a frozen
line, dropout, momentum, an average of the weights, validation, best and last weights, rotation of checkpoints."""
RESULTS = ("metrics.jsonl", "last.safetensors", "best.safetensors")
"""What must not differ by a bit between a run that nobody touched and one that was interrupted."""


class Lives:
    """A server of forked processes (see nursery.py). `preload` is a shared library that all of them get."""

    def __init__(self, folder: Path, preload: Path | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "short.yaml").write_text(SPEC)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if preload:
            environment["LD_PRELOAD"] = str(preload)
        self.server = subprocess.Popen(
            [sys.executable, str(HERE / "nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )

    def __enter__(self) -> Lives:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self.server.stdin
        self.server.kill()  # it has nothing to finish
        self.server.wait()
        self.server.stdin.close()
        if self.server.stdout:
            self.server.stdout.close()

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps(question) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def start(
        self, *arguments: str, environment: dict[str, str] | None = None, limits: dict[str, int] | None = None
    ) -> int:
        """The pid of `cnnwiz ARGUMENTS`; what it says is added to log.txt."""
        log = str(self.folder / "log.txt")
        asked = {"cwd": str(self.folder), "environment": environment or {}, "log": log, "limits": limits or {}}
        return self.ask(start=list(arguments), **asked)["pid"]

    def wait(self, pid: int) -> int:
        """Its exit code, negative for the signal that ended it."""
        return self.ask(wait=pid)["code"]

    def run(self, *arguments: str, **more: Any) -> int:
        """The exit code of `cnnwiz ARGUMENTS`."""
        return self.wait(self.start(*arguments, **more))

    def train(self, run: str, **more: Any) -> int:
        """Start or go on with a run of the spec, to its end."""
        return self.run(*TRAIN, run, **more)

    def said(self) -> str:
        """Everything said since the last time this was asked."""
        log = self.folder / "log.txt"
        text = log.read_text(errors="replace") if log.exists() else ""
        log.unlink(missing_ok=True)
        return text


TRAIN = ("train", "short.yaml", "--no-lint", "-q", "--workers", "0", "--device", "cpu", "--resume")
"""The command that starts a run, or goes on with it: the same for the first life and the last."""


def result(run: Path) -> list[bytes]:
    """The content of the files that must not differ."""
    return [(run / name).read_bytes() for name in RESULTS]


def strays(run: Path) -> bool:
    """Whether a save was cut short: its temporary file is still there."""
    return any(run.glob(".tmp.*")) or any((run / "checkpoints").glob(".tmp.*"))


def step_of(run: Path) -> int:
    """The step of the newest checkpoint; 0 where there is none."""
    steps = [int(path.stem.removeprefix("step-")) for path in (run / "checkpoints").glob("step-*.safetensors")]
    return max(steps, default=0)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may just have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def after(seconds: float, pid: int) -> None:
    """Wait so long, to the tenth of a millisecond, or until the process has ended."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0.002 and not has_ended(pid):
        time.sleep(min(left - 0.002, 0.05))
    while 0 < end - time.perf_counter() <= 0.002:
        pass


def has_ended(pid: int) -> bool:
    """Whether a process is there only to be asked for its exit code."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
