"""Killing, stopping and starting runs many times over; what comes out must be what an undisturbed run gives.

`python tests/campaigns/survival.py` runs everything at full size (about a quarter of an hour) and prints a line for
each campaign; `--only NAME` runs one, `--share 0.1` a tenth of each. Runs lie in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from lives import INT, KILL, TERM, TRAIN, Lives, after, result, send, step_of, strays


def kills(lives: Lives, count: int, seed: int = 0) -> str:
    """SIGKILL at `count` random moments; each time the same command goes on, until it ends by itself."""
    chance = random.Random(seed)
    span, expected = undisturbed(lives, "kills-whole")
    landed = inside = cycles = 0
    steps: Counter[int] = Counter()
    run = lives.folder / "kills"
    while landed < count:
        pid = lives.start(*TRAIN, "kills")
        after(chance.uniform(0.0, span), pid)
        send(pid, KILL)
        code = lives.wait(pid)
        if code == -KILL:
            landed += 1
            inside += strays(run)
            steps[step_of(run) // 10] += 1
        else:
            cycles += finished(lives, run, code, expected)
            span = max(span * 0.9, 0.5)  # it was chosen too long, or the machine had more to do at first
    cycles += finished(lives, run, lives.train("kills"), expected)
    places = ", ".join(f"{number} behind epoch {epoch}" for epoch, number in sorted(steps.items()))
    return f"{landed} SIGKILLs ({places}; {inside} inside a save), {cycles} runs finished, all identical"


def stops(lives: Lives, count: int, seed: int = 0) -> str:
    """SIGTERM and SIGINT in turn, `count` of each: the state is saved, no step is done twice."""
    chance = random.Random(seed)
    span, expected = undisturbed(lives, "stops-whole")
    counter = lives.folder / "steps"
    run = lives.folder / "stops"
    codes: Counter[int] = Counter()
    cycles = repeated = early = stopped = 0
    while min(codes[143], codes[130]) < count:
        number = TERM if codes[143] <= codes[130] else INT
        pid = lives.start(*TRAIN, "stops", environment={"COUNT_STEPS": str(counter)})
        after(chance.uniform(0.1, 1.0) * span, pid)
        send(pid, number)
        code = lives.wait(pid)
        if code == 128 + number and (run / "spec.yaml").exists():
            stopped += 1
        if code == 128 + number:
            codes[code] += 1
        elif code == -number:
            early += 1  # before anything was there to be saved
        else:
            cycles += finished(lives, run, code, expected)
            span = max(span * 0.9, 0.5)
            repeated += counter.stat().st_size - 40
            counter.unlink()
    lives.train("stops", environment={"COUNT_STEPS": str(counter)})
    cycles += finished(lives, run, 0, expected)
    repeated += counter.stat().st_size - 40
    counter.unlink()
    assert repeated <= stopped, f"{repeated} steps lost in {stopped} stops"
    return (
        f"{codes[143]} SIGTERMs and {codes[130]} SIGINTs obeyed ({early} more before the start), {repeated} steps "
        f"lost, {cycles} runs finished, all identical"
    )


def claims(lives: Lives, rounds: int, seed: int = 0) -> str:
    """2 to 8 processes start in one run directory at once: one trains, the others end with code 5."""
    chance = random.Random(seed)
    _, expected = undisturbed(lives, "claims-whole")
    started = 0
    for _ in range(rounds):
        many = chance.randint(2, 8)
        pids = [lives.start(*TRAIN, "claims") for _ in range(many)]
        codes = sorted(lives.wait(pid) for pid in pids)
        assert codes == [0] + [5] * (many - 1), codes
        finished(lives, lives.folder / "claims", 0, expected)
        started += many
    return f"{rounds} rounds, {started} processes: one trained in each, identical; the others ended with code 5"


def undisturbed(lives: Lives, name: str) -> tuple[float, list[bytes]]:
    """(seconds, files) of a run that nobody touches."""
    began = time.perf_counter()
    code = lives.train(name)
    said = lives.said()
    assert code == 0, said
    return time.perf_counter() - began, result(lives.folder / name)


def finished(lives: Lives, run: Path, code: int, expected: list[bytes]) -> int:
    """1, once a run that ended by itself was compared and removed."""
    said = lives.said()
    assert code == 0, f"code {code}: {said}"
    assert "Traceback" not in said, said
    assert result(run) == expected, f"{run} differs"
    shutil.rmtree(run)
    return 1


def main() -> None:
    import damage
    import images
    import ranks
    import storage

    campaigns = {
        "kills": (kills, 200),
        "stops": (stops, 100),
        "claims": (claims, 20),
        "faults": (storage.faults, 1000),
        "sizes": (storage.sizes, 50),
        "damage": (damage.damage, 2000),
        "ranks": (ranks.rank_kills, 50),
        "images": (images.images, 45),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=campaigns, action="append")
    parser.add_argument("--share", type=float, default=1.0)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cnnwiz-survival-"))
    for name in chosen.only or campaigns:
        campaign, size = campaigns[name]
        began = time.monotonic()
        with Lives(folder / name, storage.shim(folder) if name == "faults" else None) as lives:
            told = campaign(lives, max(round(size * chosen.share), 1))
        print(f"{name:<7} {told} ({time.monotonic() - began:.0f} s)", flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
