"""A run directory: who owns it, what is in it, what its files say. One process at a time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from cnnwiz import __version__
from cnnwiz.errors import CnnwizError
from cnnwiz.spec import Spec, load
from cnnwiz.training.changes import accepted, completed, record_of, require_same
from cnnwiz.training.checkpoint import read, write
from cnnwiz.training.files import TEMPORARY, storage, unusable, write_text
from cnnwiz.training.places import read_record, require_run, write_record

KEEP = 2
WRITTEN = "written.yaml"
"""The spec as the user wrote it, with comments; spec.yaml has every value instead."""


class Run:
    """An open run directory, locked for this process until `close`.

    spec.yaml (every value), written.yaml (as the user wrote it), run.json (`record`), metrics.jsonl and timing.jsonl (a
    line per epoch), checkpoints/, best.safetensors, last.safetensors.
    """

    def __init__(
        self, path: Path, spec: Spec, record: dict[str, Any], written: str | None = None, leads: bool = True
    ) -> None:
        self.path, self.spec, self.record, self.written = path, spec, record, written
        self.leads = leads
        self.checkpoints = path / "checkpoints"
        self._lock = _lock(path) if leads else None
        self._started = time.monotonic()
        self._seconds_before = float(record.get("seconds", 0.0))

    @classmethod
    def create(cls, path: Path, spec: Spec, written: str | None = None) -> Run:
        """Start a run in a directory that does not exist or is empty. `written` is the text the spec was read from."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (path / "spec.yaml").exists():  # in a folder that is no run not even a lock is left
                _require_empty(path)
            run = cls(path, spec, {"status": "running"}, written)
            try:
                _require_empty(path)  # once more: until it had the lock, another process could begin here
            except CnnwizError:
                run.close()
                raise
            return run
        except OSError as error:
            raise unusable(path, error) from None

    @classmethod
    def reopen(cls, path: Path, wanted: Spec | None = None, accept: bool = False) -> Run:
        """Open a run to go on with it: as it was or, with `accept`, as `wanted` where that changes only what will come.

        Raises CnnwizError (code 2) that lists what differs between the spec now and that of the beginning.
        """
        require_run(path)
        try:
            run = cls(path, load(path / "spec.yaml"), read_record(path))
        except OSError as error:
            raise unusable(path, error) from None
        try:
            if wanted is None and "spec" in run.record:
                require_same(run.record["spec"], run.spec, f"{path / 'spec.yaml'}")
            if wanted is not None:
                run._change(completed(wanted, run.spec), accept)
        except CnnwizError:
            run.close()
            raise
        return run

    def _change(self, wanted: Spec, accept: bool) -> None:
        """Let the rest of the run follow another spec, where that is lawful."""
        found = self.latest_checkpoint()
        begun = found[1]["epoch"] + (found[1]["batch"] > 0) if found else 0
        changes = accepted(self.spec, wanted, begun, accept, str(self.path))
        if changes:
            self.spec = wanted
            self.record |= {"changes": [*self.record.get("changes", []), *changes], "status": "running"}

    @classmethod
    def follow(cls, path: Path, spec: Spec) -> Run:
        """The run of another process, the leading rank: read here and never written."""
        return cls(path, spec, read_record(path), leads=False)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def abandon(self) -> None:
        """Remove the directory, if nothing but the lock was ever written into it."""
        if self.leads and [entry.name for entry in self.path.iterdir()] == [".lock"]:
            with suppress(OSError):  # another process was faster
                (self.path / ".lock").unlink()
                self.path.rmdir()

    def close(self) -> None:
        """Give the directory free."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def seconds(self) -> float:
        """Wall time spent in this run, over all its processes."""
        return self._seconds_before + time.monotonic() - self._started

    def begin(self, resolved: Spec, facts: dict[str, Any]) -> None:
        """Write spec.yaml with every value resolved and the first run.json."""
        self.spec = resolved
        if not self.leads:
            return
        with storage(self.path):
            self.checkpoints.mkdir(exist_ok=True)
        self.record |= {
            "cnnwiz": __version__,
            "name": resolved.name,
            "spec": record_of(resolved),
            "seed": resolved.training.seed,
            "versions": versions(),
            "git": git_state(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **facts,
        }
        if self.written is not None:
            write_text(self.path / WRITTEN, self.written)
        self._write_spec()
        self.save_record("running")

    def go_on(self, resolved: Spec) -> None:
        """Keep a spec that was changed, and say that the run is under way again."""
        self.spec = resolved
        if self.record.get("spec") != record_of(resolved):
            self.record["spec"] = record_of(resolved)
            self._write_spec()
        self.save_record("running")

    def _write_spec(self) -> None:
        if self.leads:
            write_text(self.path / "spec.yaml", yaml.safe_dump(record_of(self.spec), sort_keys=False))

    def save_record(self, status: str, **more: Any) -> None:
        """Bring run.json up to date."""
        if not self.leads:
            return
        self.record |= {"status": status, "seconds": round(self.seconds, 3), **more}
        write_record(self.path, self.record)

    def append(self, name: str, line: dict[str, Any]) -> None:
        """Add one JSON line to metrics.jsonl or timing.jsonl."""
        if not self.leads:
            return
        with storage(self.path / name), (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def truncate_logs(self, epochs: int) -> None:
        """Drop lines behind the first `epochs`, written after the checkpoint that is resumed from, and a torn one."""
        for name in ("metrics.jsonl", "timing.jsonl"):
            path = self.path / name
            if self.leads and path.exists():
                lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                write_text(path, "".join(line for line in lines[:epochs] if line.endswith("\n")))

    def save_weights(self, name: str, tensors: dict[str, Any], about: dict[str, Any]) -> None:
        """Write NAME.safetensors, the file for evaluation, prediction and export."""
        if self.leads:
            write(self.path / f"{name}.safetensors", tensors, about)

    def save_checkpoint(self, step: int, tensors: dict[str, Any], state: dict[str, Any]) -> None:
        """Write the checkpoint of `step`, then delete all but the newest KEEP."""
        if not self.leads:
            return
        write(self.checkpoints / f"step-{step:09d}.safetensors", tensors, state)
        with storage(self.checkpoints):
            for old in sorted(self.checkpoints.glob("step-*.safetensors"))[:-KEEP]:
                old.unlink()

    def latest_checkpoint(self) -> tuple[dict[str, Any], dict[str, Any], list[str]] | None:
        """(tensors, state, notices) of the newest checkpoint that verifies; damaged ones are then renamed to *.bad.

        None before the first. Raises CnnwizError (code 4) where there were some, and none is left that verifies.
        """
        self._remove_strays()
        damaged: dict[Path, str] = {}
        for path in sorted(self.checkpoints.glob("step-*.safetensors"), reverse=True):
            try:
                tensors, state = read(path)
            except CnnwizError as error:
                damaged[path] = str(error)
                continue
            return tensors, state, [self._put_aside(bad, why) for bad, why in damaged.items()]
        if damaged:
            raise CnnwizError(f"{self.path}: every checkpoint is damaged: {'; '.join(damaged.values())}", code=4)
        metrics = self.path / "metrics.jsonl"
        if metrics.exists() and metrics.read_bytes().count(b"\n") > 1:  # one line comes before its checkpoint
            raise CnnwizError(f"{self.checkpoints}: the checkpoints are gone; start another run", code=4)
        return None

    def _remove_strays(self) -> None:
        """Delete what a save left that was cut short."""
        if self.leads:
            with storage(self.path):
                for stray in [*self.checkpoints.glob(f"{TEMPORARY}*"), *self.path.glob(f"{TEMPORARY}*")]:
                    stray.unlink()

    def _put_aside(self, path: Path, why: str) -> str:
        """Keep a damaged checkpoint out of the way, and say so."""
        if self.leads:
            with storage(path):
                path.rename(path.with_name(f"{path.name}.bad"))
        return f"{why}; kept as {path.name}.bad, going back to the one before"


def _require_empty(path: Path) -> None:
    if any(not _is_leftover(entry) for entry in path.iterdir()):
        raise CnnwizError(f"{path}: not empty; take another --run-dir, or go on with --resume {path}")


def _is_leftover(entry: Path) -> bool:
    """Whether this is what a start leaves that was killed before spec.yaml was written."""
    if entry.name == "checkpoints":
        return entry.is_dir() and not any(entry.iterdir())
    return entry.name in (".lock", WRITTEN, "cache", "compiled") or entry.name.startswith(TEMPORARY)


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    import numpy
    import PIL
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
        "platform": platform.platform(),
    }


def git_state() -> dict[str, Any] | None:
    """Commit of the current directory's repository and whether it has changes; None outside one or without git."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()
        status = subprocess.run(
            ["git", "status", "--porcelain"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": bool(status.strip())}


def _lock(path: Path) -> int:
    """Hold the directory's lock file; the kernel releases it when the process ends, however it ends."""
    descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows has no flock; two processes in one directory are then not noticed
        pass
    except BlockingIOError:
        owner = os.read(descriptor, 200).decode("utf-8", "replace").strip()
        os.close(descriptor)
        raise CnnwizError(f"{path}: in use by another process ({owner or 'unknown'})", code=5) from None
    with suppress(OSError):  # a full disk: the lock holds, it only cannot say whose it is
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"pid {os.getpid()} on {platform.node()}\n".encode())
    return descriptor
