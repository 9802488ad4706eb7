"""How fast `cnnwiz train` is on several processes of one thread beside one process of as many threads.

    python tests/benchmarks/ranks.py --data FOLDER [--network small|resnet18] [--ranks 2] [--rounds 5] [--images 6000]

FOLDER holds train/CLASS/*.jpg of 32 px. In each round both train the same spec on the same images, in turns; the first
epoch of each run is left out. Ratios are taken within a round; their median and their least and most are printed.
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
        spec = peers.spec_of(options.network, folder / "images").replace("epochs: 1000", f"epochs: {EPOCHS}")
        (folder / "spec.yaml").write_text(spec)
        ratios = []
        for number in range(options.rounds):
            speeds = {}
            for ranks in (1, options.ranks) if number % 2 else (options.ranks, 1):
                run = folder / f"run-{number}-{ranks}"
                speeds[ranks] = speed(folder / "spec.yaml", run, ranks, options.ranks // ranks)
            ratios.append(speeds[options.ranks] / speeds[1])
            print(f"round {number + 1}: {speeds[options.ranks]:.0f} of {speeds[1]:.0f} images per second", flush=True)
    said = f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    print(f"{options.ranks} ranks against one process of {options.ranks} threads: {said}, {options.rounds} rounds")


def sample(images: Path, folder: Path, count: int) -> None:
    """Copies of the first images of each class, `count` in all, and to some for the test."""
    classes = sorted(path for path in (images / "train").iterdir() if path.is_dir())
    for source in classes:
        files = sorted(source.iterdir())[: count // len(classes) + 1]
        for name, part in (("train", files[:-1]), ("test", files[-1:])):
            (folder / name / source.name).mkdir(parents=True)
            for file in part:
                shutil.copy(file, folder / name / source.name)


def speed(spec: Path, run: Path, ranks: int, threads: int) -> float:
    """Images per second of all processes together; the median of the epochs after the first."""
    command = [sys.executable, "-m", "cnnwiz", "train", str(spec), "--run-dir", str(run), "--nproc", str(ranks), "-q"]
    settings = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, env=settings, check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (run / "timing.jsonl").read_text().splitlines()]
    return median(line["images_per_second"] for line in lines[1:])


if __name__ == "__main__":
    main()
