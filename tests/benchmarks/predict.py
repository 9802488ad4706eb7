"""Images per second of `cnnwiz predict` against a plain torch loop with the same decoder, one after the other.

python tests/benchmarks/predict.py RUN FOLDER [ROUNDS]        some minutes for 10,000 images
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from cnnwiz.data.decode import decode
from cnnwiz.data.loader import preprocess
from cnnwiz.evaluation import Trained, open_trained
from cnnwiz.prediction import find_files, predict
from cnnwiz.training.evaluate import EVAL_BATCH


@torch.inference_mode()
def plain(trained: Trained, files: list[Path]) -> list[str]:
    """What one writes by hand: decode a batch, run it, take the highest score."""
    facts = trained.preprocessing
    found = []
    for start in range(0, len(files), EVAL_BATCH):
        batch = files[start : start + EVAL_BATCH]
        canvases = np.stack([decode(file, facts["canvas"], facts["channels"]) for file in batch])
        shares = trained.network(preprocess(canvases, facts)).softmax(1)
        found += [trained.classes[place] for place in shares.argmax(1).tolist()]
    return found


def ours(workers: int) -> Callable[[Trained, list[Path]], list[str]]:
    def run(trained: Trained, files: list[Path]) -> list[str]:
        return [answer.top[0][0] for answer in predict(trained, files, workers=workers)]

    return run


def main(run: str, folder: str, rounds: int = 3) -> None:
    """A line for each way: the best of the rounds, in which all ways take turns."""
    trained = open_trained(Path(run), device="cpu")
    files = list(find_files([folder]))
    ways = {"plain torch loop": plain, "predict, workers 0": ours(0), "predict, workers 2": ours(2)}
    wall: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    said = {}
    for _ in range(rounds):
        for name, way in ways.items():
            began, spent = time.perf_counter(), time.process_time()
            said[name] = way(trained, files)
            wall[name].append(time.perf_counter() - began)
            processor[name].append(time.process_time() - spent)
    assert len({tuple(names) for names in said.values()}) == 1, "the answers differ"
    print(f"{len(files):,} images, {torch.get_num_threads()} threads, best of {rounds}")
    for name in ways:
        rate, own = len(files) / min(wall[name]), min(processor[name])
        print(f"{name:<20} {rate:8.0f} images/s  {own:6.2f} s of this process's processor time")


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:4]))
