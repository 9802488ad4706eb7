"""`cnnwiz train --nproc N`: N processes on this machine, watched until all have ended. Never imports torch."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.cli.train import Task

GRACE = 15.0
"""Seconds that the others have to end by themselves once a rank has failed."""
FOLLOWING = 6
"""The exit code of a rank that lost another one."""
ORDERLY = (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)


class Rank(NamedTuple):
    """A process, and where its stderr goes unless it leads and speaks for all."""

    number: int
    process: subprocess.Popen[bytes]
    errors: IO[bytes] | None

    @property
    def code(self) -> int | None:
        """Its exit code, negative for the signal that killed it; None while it runs."""
        return self.process.poll()


def launch(count: int, task: Task, flags: list[str]) -> int:
    """Start `count` ranks, wait until all have ended, and return their exit code. Raises CnnwizError that names the
    first that failed."""
    from cnnwiz.training.places import claim_run_dir

    if task.document is not None and not Path(task.document.name).is_file():
        raise CnnwizError("--nproc needs the spec as a file, which every process reads")
    place = task.resume or task.run_dir
    if place is None:
        assert task.spec is not None, "without a spec there is a run to go on with"
        place = claim_run_dir(Path("runs"), task.spec.name)
    words = [task.document.name] if task.document else []
    words += ["--resume" if task.resume else "--run-dir", str(place), "--device", task.device]
    words += ["--workers", str(task.workers), "--no-lint", *flags]
    words += [word for setting in task.settings for word in ("--set", setting)]
    words += ["--cache", str(task.cache)] if task.cache else []
    words += [] if task.keeps else ["--no-cache"]
    words += ["--accept-changes"] if task.accept_changes else []
    port = _free_port()
    ranks = [_start(number, count, port, words) for number in range(count)]
    with _passing_signals_on(ranks):
        failed = _watch(ranks)
    return ranks[0].process.returncode if failed is None else _report(failed, place)


def _start(number: int, count: int, port: int, words: list[str]) -> Rank:
    environment = {**os.environ, "RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": str(count)}
    environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "CNNWIZ_LAUNCHER": str(os.getpid())}
    environment.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // count, 1)))
    errors = tempfile.TemporaryFile() if number else None  # noqa: SIM115 - lives as long as the rank
    process = subprocess.Popen(
        [sys.executable, "-m", "cnnwiz", "train", *words],
        env=environment,
        stdout=subprocess.DEVNULL if number else None,
        stderr=errors,
        start_new_session=True,  # Ctrl-C reaches this process only, which passes it on once
    )
    return Rank(number, process, errors)


def _watch(ranks: list[Rank]) -> Rank | None:
    """Wait until all have ended; when one fails the others get GRACE seconds. The first that failed, None if all is
    well: one that died by itself before one that only lost another, one that never answered before all."""
    failed: list[Rank] = []
    deadline = float("inf")
    silent: list[Rank] = []
    while any(rank.code is None for rank in ranks):
        time.sleep(0.05)
        failed += [rank for rank in ranks if rank not in failed and rank.code not in (None, *ORDERLY)]
        if failed:
            deadline = min(deadline, time.monotonic() + GRACE)
        if time.monotonic() > deadline:
            silent = [rank for rank in ranks if rank.code is None]
            for rank in silent:
                rank.process.kill()
            deadline = float("inf")
    failed += [rank for rank in ranks if rank not in failed and rank.code not in ORDERLY]
    own = [rank for rank in failed if rank.code != FOLLOWING and rank not in silent]
    return next(iter([*own, *silent, *failed]), None)


def _report(rank: Rank, place: Path) -> int:
    """Say which rank failed first and how, in run.json too."""
    from cnnwiz.training.places import read_record, write_record

    code = rank.code or 0
    if code < 0:
        reason, code = f"was ended by {signal.Signals(-code).name}", FOLLOWING
    else:
        reason = f"ended with code {code}{_last_words(rank)}"
    record = read_record(place)
    if record:
        write_record(place, record | {"status": "failed", "failed_rank": rank.number, "reason": reason})
    again = f"; go on with --resume {place}" if code == FOLLOWING else ""
    raise CnnwizError(f"rank {rank.number} failed first: it {reason}; all ranks have ended{again}", code)


def _last_words(rank: Rank) -> str:
    if rank.errors is None:
        return ""
    rank.errors.seek(0)
    lines = rank.errors.read().decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1].removeprefix('error: ')[:300]}" if lines else ""


@contextmanager
def _passing_signals_on(ranks: list[Rank]) -> Iterator[None]:
    """Meanwhile every SIGINT, SIGTERM and SIGUSR1 goes to all ranks, which stop after their step; in the end none is
    left."""

    def pass_on(number: int, _: object) -> None:
        for rank in ranks:
            if rank.code is None:
                rank.process.send_signal(number)

    heard = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in heard}
    try:
        yield
    finally:
        for rank in ranks:
            if rank.code is None:
                rank.process.kill()
                rank.process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
