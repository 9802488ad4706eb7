"""The effect of one choice at a time: trains what is missing in results.json, then writes the table of README.md.

`python examples/choices/effects.py DIRECTORY` needs the images in DIRECTORY as README.md says; runs are kept in
DIRECTORY/runs. `--parallel N` runs N of them at once, each on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
SEEDS = (0, 1, 2)
STUDENT_T = 4.303  # two-sided 95 % with 2 degrees of freedom: three paired differences


class Comparison(NamedTuple):
    """Two specs that differ in one choice, and what was published about it."""

    question: str
    reference: str
    candidate: str
    published: str


COMPARISONS = (
    Comparison("ELU instead of ReLU, no norm", "relu", "elu", "+1.7"),
    Comparison("batch norm under ReLU", "relu", "relu_batch", "+2.8"),
    Comparison("ELU instead of ReLU, batch norm", "relu_batch", "elu_batch", "-0.1"),
    Comparison("max + average pooling instead of max", "relu_batch", "max_plus_avg", "+1.2"),
    Comparison("linear decay instead of steps", "step", "relu_batch", "+2.2"),
    Comparison("learned colour transform", "relu_batch", "color_transform", "+1.4"),
    Comparison("fully-connected layer as convolution, averaged", "fully_connected", "fully_convolutional", "+2.4"),
    Comparison("separable instead of standard convolution", "relu_batch", "separable", "less for 1/5 of the work"),
    Comparison("polar instead of Cartesian coordinates", "cartesian", "polar", "-"),
    Comparison("triplet instead of cross-entropy", "faces_cross_entropy", "faces_triplet", "-"),
    Comparison("center loss instead of cross-entropy", "faces_cross_entropy", "faces_center", "-"),
    Comparison("a_softmax instead of cross-entropy", "faces_cross_entropy", "faces_a_softmax", "-"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="where cifar10/ and data/ are")
    parser.add_argument("--parallel", type=int, default=1, help="runs at once, each on one thread")
    options = parser.parse_args()
    results: dict[str, dict[str, float]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    specs = sorted({spec for pair in COMPARISONS for spec in (pair.reference, pair.candidate)})
    missing = [(spec, seed) for seed in SEEDS for spec in specs if str(seed) not in results.get(spec, {})]
    with ThreadPoolExecutor(options.parallel) as pool:
        figures = pool.map(lambda job: train(options.directory, *job), missing)
        for (spec, seed), figure in zip(missing, figures, strict=True):
            results.setdefault(spec, {})[str(seed)] = figure
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
            print(f"{spec} seed {seed}: {figure:.4f}", flush=True)
    readme = HERE / "README.md"
    text = re.sub(
        r"(?s)(<!-- results -->\n).*(<!-- end -->)",
        lambda found: found[1] + table(results) + "\n" + found[2],
        readme.read_text(),
    )
    readme.write_text(text)


def train(directory: Path, spec: str, seed: int) -> float:
    """The figure of one run: test accuracy, or the area under the ROC curve for embeddings."""
    run = directory / "runs" / f"{spec}-{seed}"
    new = [str(HERE / f"{spec}.yaml"), "--seed", str(seed), "--run-dir", str(run)]
    subprocess.run(
        [sys.executable, "-m", "cnnwiz", "train", *(["--resume", str(run)] if run.exists() else new), "--quiet"],
        cwd=directory,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    metrics = json.loads((run / "run.json").read_text())["metrics"]
    return metrics["test_auc"] if "test_auc" in metrics else metrics["test_accuracy"]


def table(results: dict[str, dict[str, float]]) -> str:
    """Mean and standard deviation of both sides, and the paired difference in points with its 95 % interval."""
    lines = ["| choice | reference | candidate | difference in points | published |", "| --- | --- | --- | --- | --- |"]
    for pair in COMPARISONS:
        sides = [[results[spec][str(seed)] for seed in SEEDS] for spec in (pair.reference, pair.candidate)]
        differences = [100 * (after - before) for before, after in zip(*sides, strict=True)]
        half = STUDENT_T * statistics.stdev(differences) / len(differences) ** 0.5
        reference, candidate = (f"{statistics.mean(side):.4f} +- {statistics.stdev(side):.4f}" for side in sides)
        mean = statistics.mean(differences)
        effect = f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"
        lines.append(
            f"| {pair.question} | [{pair.reference}]({pair.reference}.yaml) {reference} "
            f"| [{pair.candidate}]({pair.candidate}.yaml) {candidate} | {effect} | {pair.published} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
