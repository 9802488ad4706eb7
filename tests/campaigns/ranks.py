"""Ranks that die: those left end in time, the first that failed is named, and the run goes on to the same bits."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from lives import KILL, TRAIN, Lives, after, has_ended, result, send

IN_TIME = 30.0
"""Seconds in which the others must have ended."""


def rank_kills(lives: Lives, count: int, seed: int = 0) -> str:
    """`count` times one of two ranks is killed at a random moment; each time both start again."""
    chance = random.Random(seed)
    began = time.perf_counter()
    assert together(lives, "ranks-whole") == [0, 0], lives.said()
    span = time.perf_counter() - began
    expected = result(lives.folder / "ranks-whole")
    run = lives.folder / "ranks"
    landed = cycles = unmet = 0
    slowest = 0.0
    while landed < count:
        pids, victim = start(lives, "ranks"), chance.randrange(2)
        started = time.perf_counter()
        after(chance.uniform(0.3, 1.0) * span, pids[victim])
        send(pids[victim], KILL)
        killed = time.perf_counter()
        unmet += ended_by_hand(pids[1 - victim])
        codes = [lives.wait(pid) for pid in pids]
        slowest = max(slowest, time.perf_counter() - killed)
        said = lives.said()
        assert "Traceback" not in said, said
        if codes[victim] == -KILL:
            landed += 1
            # The other may have had nothing left to do with it.
            assert codes[1 - victim] in (0, 6, -KILL), (codes, said)
        if codes == [0, 0]:
            span = min(span, time.perf_counter() - started)  # other work on the machine makes it longer
        if codes[0] == 0:
            cycles += compared(run, expected)
    if run.exists():
        assert together(lives, "ranks") == [0, 0], lives.said()
        cycles += compared(run, expected)
    assert unmet < count / 2, f"{unmet} were killed before they met: that says little"
    assert slowest < IN_TIME, f"the other rank took {slowest:.0f} s to end"
    named = launched(lives, chance, max(count // 10, 1))
    told = f"{landed} ranks killed, {unmet} of them before they met; the others ended within {slowest:.1f} s"
    return f"{told}; {cycles} runs finished, all identical; {named}"


def ended_by_hand(pid: int, patience: float = 15.0) -> bool:
    """Whether a rank still waits for another that died before they met, and had to be ended, as --nproc does."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if has_ended(pid):
            return False
        time.sleep(0.02)
    send(pid, KILL)
    return True


def launched(lives: Lives, chance: random.Random, count: int) -> str:
    """The same with `--nproc 2`, which must name the rank that was killed and end with code 6."""
    for _ in range(count):
        command = [sys.executable, "-m", "cnnwiz", *TRAIN, "launched", "--nproc", "2", "--save-every", "1s"]
        log = (lives.folder / "launch.txt").open("w+")
        process = subprocess.Popen(command, cwd=lives.folder, stdout=log, stderr=log)
        victim = chance.randrange(2)
        metrics = lives.folder / "launched" / "metrics.jsonl"
        while not metrics.exists():  # both are training
            time.sleep(0.02)
            assert process.poll() is None, log.read()
        send(children(process.pid)[victim], KILL)
        code = process.wait(timeout=120)
        log.seek(0)
        said = log.read()
        log.close()
        assert code in (0, 6), said
        assert code == 0 or f"rank {victim} failed first: it was ended by SIGKILL" in said, said
        shutil.rmtree(lives.folder / "launched")
    return f"{count} of them started by --nproc, each time the killed rank named"


def start(
    lives: Lives, run: str, count: int = 2, spec: str = TRAIN[1], environment: dict[str, str] | None = None
) -> list[int]:
    """The pids of `count` ranks that train together."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    world = {**(environment or {}), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        lives.start("train", spec, *TRAIN[2:], run, environment={**world, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(count)
    ]


def together(lives: Lives, run: str, count: int = 2) -> list[int]:
    """The exit codes of ranks that train together, undisturbed."""
    return [lives.wait(pid) for pid in start(lives, run, count)]


def compared(run: Path, expected: list[bytes]) -> int:
    """1, once a finished run was compared and removed."""
    assert result(run) == expected, f"{run} differs"
    shutil.rmtree(run)
    return 1


def children(pid: int) -> list[int]:
    """The processes that a process started, in their order."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
