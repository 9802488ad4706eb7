"""How fast `cnnwiz train` is on several processes of one thread beside one process of as many threads.

    python tests/benchmarks/ranks.py --data FOLDER [--network small|resnet18] [--ranks 2] [--rounds 5] [--images 6000]

FOLDER holds train/CLASS/*.jpg of 32 px. In each round all train the same network on the same images, in turns: one
process, ranks with batch norm over all of them, and ranks that normalize each by itself, as a plain loop around
DistributedDataParallel does. The first epoch of each run is left out. Ratios are taken within a round; their median and
their least and most are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import peers

EPOCHS = 3
ALONE = "one process"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", choices=sorted(peers.NETWORKS), default="small")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=6000, help="of an epoch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cnnwiz-ranks-") as scratch:
        folder = Path(scratch)
        sample(options.data, folder / "images", options.images)
        shared = peers.spec_of(options.network, folder / "images").replace("epochs: 1000", f"epochs: {EPOCHS}")
        apart = shared.replace("epochs:", "sync_batch_norm: false, epochs:")
        ways: dict[str, tuple[str, int]] = {
            ALONE: (shared, 1),
            "batch norm over all ranks": (shared, options.ranks),
            "batch norm of each rank by itself": (apart, options.ranks),
        }
        ratios: dict[str, list[float]] = {way: [] for way in ways if way != ALONE}
        for number in range(options.rounds):
            turn = number % len(ways)
            order = [*ways][turn:] + [*ways][:turn]
            speeds = {way: speed(folder / f"{number} {way}", *ways[way], options.ranks) for way in order}
            for way, found in ratios.items():
                found.append(speeds[way] / speeds[ALONE])
            told = ", ".join(f"{speeds[way]:.0f} {way}" for way in ways)
            print(f"round {number + 1}, images per second: {told}", flush=True)
    print(f"{options.ranks} ranks against one process of {options.ranks} threads, {options.rounds} rounds:")
    for way, found in ratios.items():
        print(f"{way:<36}{median(found):.3f} ({min(found):.3f} to {max(found):.3f})")


def sample(images: Path, folder: Path, count: int) -> None:
    """Copies of the first images of each class, `count` in all, and to some for the test."""
    classes = sorted(path for path in (images / "train").iterdir() if path.is_dir())
    for source in classes:
        files = sorted(source.iterdir())[: count // len(classes) + 1]
        for name, part in (("train", files[:-1]), ("test", files[-1:])):
            (folder / name / source.name).mkdir(parents=True)
            for file in part:
                shutil.copy(file, folder / name / source.name)


def speed(run: Path, spec: str, ranks: int, threads: int) -> float:
    """Images per second of all processes together, `threads` in all; the median of the epochs after the first."""
    file = run.with_suffix(".yaml")
    file.write_text(spec)
    command = [sys.executable, "-m", "cnnwiz", "train", str(file), "--run-dir", str(run), "--nproc", str(ranks), "-q"]
    settings = {**os.environ, "OMP_NUM_THREADS": str(threads // ranks)}
    subprocess.run(command, env=settings, check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (run / "timing.jsonl").read_text().splitlines()]
    return median(line["images_per_second"] for line in lines[1:])


if __name__ == "__main__":
    main()
