"""How fast `cnnwiz train` is beside what people would use instead, measured in one run.

    python tests/benchmarks/speed.py --data FOLDER [--network small|resnet18] [--threads 2] [--rounds 7] [--images 8000]

FOLDER holds train/CLASS/*.jpg of 32 px. Every loop is a process of its own that waits while another works; in each
round all of them train as many images, in another order. Ratios are taken within a round; their median and their least
and most are printed. `tuned` is bfloat16 and channels last; `as it comes` is what the library does by itself. `pip
install cnnwiz[bench]` first; what is missing is left out and named. With --start instead: seconds from the start of
the program to the end of its first training step, cnnwiz from a cache against the plain loop.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import peers

WARM = 4  # steps before a stretch is timed: loaders that worked ahead while waiting have no lead then

CONTENDERS: dict[str, dict[str, Any]] = {
    "cnnwiz train": {"loop": "cnnwiz", "scratch": True},
    "tight loop, tuned, allocator raised": {"loop": "tight", "tuned": True, "raised": True},
    "tight loop, tuned": {"loop": "tight", "tuned": True},
    "plain loop, tuned": {"loop": "plain", "tuned": True},
    "timm, tuned": {"loop": "timm", "tuned": True},
    "Lightning, tuned": {"loop": "lightning", "tuned": True},
    "plain loop, as it comes": {"loop": "plain"},
    "timm, as it comes": {"loop": "timm"},
    "Lightning, as it comes": {"loop": "lightning"},
}
PIPELINES: dict[str, dict[str, Any]] = {
    "cnnwiz batches": {"loop": "cnnwiz_pipeline", "scratch": True},
    "ImageFolder batches": {"loop": "folder_pipeline"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", choices=sorted(peers.NETWORKS), default="small")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=8000, help="trained by each loop in each round")
    parser.add_argument("--only", nargs="*", help="names of loops, or parts of them")
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(json.loads(options.serve), options)
        return
    options.scratch = Path(tempfile.mkdtemp(prefix="cnnwiz-speed-"))
    try:
        if options.start:
            start(options)
        else:
            compare(CONTENDERS, options)
            compare(PIPELINES, options)
    finally:
        shutil.rmtree(options.scratch)


def serve(contender: dict[str, Any], options: argparse.Namespace) -> None:
    """In a process of its own: train as many images as a line on stdin says, answer images per second."""
    arguments: dict[str, Any] = {"name": options.network, "data": options.data, "tuned": contender.get("tuned", False)}
    if contender.get("scratch"):
        arguments["scratch"] = options.scratch
    if contender.get("raised"):
        arguments["raised"] = True
    steps: Iterator[int] = getattr(peers, contender["loop"])(**arguments)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    for _ in range(2):
        next(steps)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        for _ in range(WARM):
            next(steps)
        wanted, done = int(line), 0
        began = time.perf_counter()
        while done < wanted:
            done += next(steps)
        print(done / (time.perf_counter() - began), file=answers, flush=True)


class Served:
    """A contender's process."""

    def __init__(self, name: str, contender: dict[str, Any], options: argparse.Namespace) -> None:
        self.name = name
        command = [sys.executable, __file__, "--data", str(options.data), "--network", options.network]
        command += ["--serve", json.dumps(contender), "--scratch", str(options.scratch)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
        errors = (options.scratch / "errors.txt").open("w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
        assert self.process.stdout
        assert self.process.stdin
        self.answers, self.wishes = self.process.stdout, self.process.stdin
        self.ready = self.answers.readline().strip() == "ready"
        if not self.ready:
            errors.seek(0)
            print(f"left out: {name}: {(errors.read().strip().splitlines() or ['it ended'])[-1]}", file=sys.stderr)

    def measure(self, images: int) -> float:
        """Images per second over so many images."""
        self.wishes.write(f"{images}\n")
        self.wishes.flush()
        return float(self.answers.readline())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def compare(contenders: dict[str, dict[str, Any]], options: argparse.Namespace) -> None:
    """Measure in rounds and print the table; the first contender is compared with each of the others."""
    reference = next(iter(contenders))
    chosen = {
        name: about
        for name, about in contenders.items()
        if name == reference or not options.only or any(part in name for part in options.only)
    }
    served = [Served(name, about, options) for name, about in chosen.items()]
    running = [process for process in served if process.ready]
    rounds: list[dict[str, float]] = []
    try:
        for number in range(options.rounds):
            turn = number % len(running)
            rounds.append({p.name: p.measure(options.images) for p in running[turn:] + running[:turn]})
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    finally:
        for process in served:
            process.end()
    batch = peers.NETWORKS[options.network][1]
    print(f"\n{options.network}, batch {batch}, {options.threads} threads, {len(rounds)} x {options.images} images")
    print(f"{'':<38}{'images/s':>10}   {reference} times this: median (least to most)")
    for process in running:
        rates = [found[process.name] for found in rounds]
        ratios = [found[reference] / found[process.name] for found in rounds]
        spread = f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        print(f"{process.name:<38}{median(rates):>10,.0f}   {spread}")


FIRST_STEP = """
import sys
sys.path.insert(0, {folder!r})
import peers
from pathlib import Path
loop = getattr(peers, {loop!r})
more = {{"scratch": Path({scratch!r})}} if {loop!r} == "cnnwiz" else {{}}
next(loop({network!r}, Path({data!r}), True, **more))
"""


def start(options: argparse.Namespace) -> None:
    """Print how long each takes from nothing to its first step."""
    found: dict[str, list[float]] = {"cnnwiz": [], "plain": []}
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    for number in range(options.rounds + 1):  # the first fills the cache and is not counted
        for loop, seconds in found.items():
            scratch = options.scratch / f"start{number}"
            scratch.mkdir(exist_ok=True)
            if not (scratch / "cache").exists():
                (scratch / "cache").symlink_to(options.scratch)
            program = FIRST_STEP.format(
                folder=str(Path(__file__).parent),
                loop=loop,
                scratch=str(scratch),
                network=options.network,
                data=str(options.data.absolute()),
            )
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], env=environment, check=True, stderr=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - began)
    ratios = [one / other for one, other in zip(found["cnnwiz"][1:], found["plain"][1:], strict=True)]
    for loop, seconds in found.items():
        print(f"{loop:<8}{median(seconds[1:]):>8.2f} s to the end of its first step")
    print(f"ratio   {median(ratios):>8.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
