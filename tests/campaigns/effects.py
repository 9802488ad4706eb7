"""Measures what rules are about: trains the bad and the good spec of effects.yaml, three paired seeds each, on a CPU.

    python tests/campaigns/effects.py [CNN201 ...]        about 40 minutes of one core for all

It writes cnnwiz/knowledge/measured.yaml after every trial; trials named on the command line are measured anew, others
only where the file lacks them. Photographs (CIFAR-10) are read from $CNNWIZ_CIFAR/train/CLASS and test/CLASS.
"""

from __future__ import annotations

import copy
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image
from sklearn.datasets import load_digits

import cnnwiz
from cnnwiz.errors import CnnwizError
from cnnwiz.rules import lint
from cnnwiz.spec import Spec, parse_text

HERE = Path(__file__).parent
MEASURED = HERE.parents[1] / "cnnwiz" / "knowledge" / "measured.yaml"
IMAGES = Path(os.environ.get("CNNWIZ_CIFAR", "/tmp/cifar"))
SEEDS = (0, 1, 2)
DIVERGED = 3  # exit code of a training whose loss is not finite
T95 = 4.303  # Student's t, two degrees of freedom, 95 %
PARTS = ("data", "model", "training")  # mappings with fixed keys; under all other keys a choice is replaced as a whole
DATA = {
    "norm": "digits: 1,293 training and 359 test images of 8x8 pixels, 10 epochs of 20 steps",
    "plain": "digits: 1,293 training and 359 test images of 8x8 pixels, 10 epochs of 20 steps",
    "photos": "CIFAR-10 as JPEG: 2,250 training and 1,000 test images of 32x32 pixels, 8 epochs of 35 steps",
}


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A spec with some of its keys replaced."""
    spec = copy.deepcopy(base)
    for key, value in changes.items():
        spec[key] = {**spec.get(key, {}), **value} if key in PARTS else value
    return spec


def digits(folder: Path) -> None:
    """The digits as arrays: all of them, a tenth of the training labels wrong, and 40 images a class."""
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    chance = np.random.default_rng(0)
    order = chance.permutation(len(images))
    test, train = order[:359], order[359:]
    fixed = {"x_test": images[test], "y_test": labels[test]}
    np.savez(folder / "digits.npz", x_train=images[train], y_train=labels[train], **fixed)
    wrong = labels[train].copy()
    some = chance.choice(len(train), len(train) // 10, replace=False)
    wrong[some] = (wrong[some] + chance.integers(1, 10, len(some))) % 10
    np.savez(folder / "digits_wrong.npz", x_train=images[train], y_train=wrong, **fixed)
    few = np.concatenate([train[labels[train] == label][:44] for label in range(10)])  # a tenth is set aside
    np.savez(folder / "digits_few.npz", x_train=images[few], y_train=labels[few], **fixed)


def photographs(folder: Path) -> None:
    """The first 250 training and 100 test images of each class of CIFAR-10."""
    arrays: dict[str, list[Any]] = {"x_train": [], "y_train": [], "x_test": [], "y_test": []}
    for split, count in (("train", 250), ("test", 100)):
        for label, path in enumerate(sorted((IMAGES / split).iterdir())):
            for file in sorted(path.iterdir())[:count]:
                arrays[f"x_{split}"].append(np.asarray(Image.open(file).convert("RGB")))
                arrays[f"y_{split}"].append(label)
    np.savez(folder / "cifar.npz", **{name: np.array(values) for name, values in arrays.items()})


def document_of(spec: dict[str, Any]) -> Spec:
    """The spec that is meant."""
    document = parse_text(yaml.safe_dump(spec, sort_keys=False))
    assert document.spec is not None, [finding.message for finding in document.findings]
    return document.spec


def accuracy(spec: dict[str, Any], seed: int, known: dict[str, float], folder: Path) -> float:
    """Test accuracy in percent, measured once for each spec and seed; that of chance where training diverged."""
    spec = changed(spec, {"training": {"seed": seed}})
    text = yaml.safe_dump(spec, sort_keys=False)
    if text not in known:
        try:
            record = cnnwiz.train(document_of(spec), folder / f"run{len(known)}")
            known[text] = 100 * record["metrics"]["test_accuracy"]
        except CnnwizError as error:
            if error.code != DIVERGED:
                raise
            known[text] = 10.0
    return known[text]


def main(codes: list[str]) -> None:
    table = yaml.safe_load((HERE / "effects.yaml").read_text(encoding="utf-8"))
    rows = yaml.safe_load(MEASURED.read_text(encoding="utf-8"))["effects"] if MEASURED.exists() else []
    measured = {row["code"]: row for row in rows}
    for trial in table["trials"]:
        if trial["code"] in measured:
            measured[trial["code"]]["fires"] = fires(trial, table["bases"][trial["base"]])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        digits(folder)
        if IMAGES.is_dir():
            photographs(folder)
        os.chdir(folder)
        known: dict[str, float] = {}
        for trial in sorted(table["trials"], key=lambda trial: trial["base"] == "photos"):
            code, base = trial["code"], table["bases"][trial["base"]]
            if (code not in codes and (codes or code in measured)) or (
                trial["base"] == "photos" and not IMAGES.is_dir()
            ):
                continue
            specs = {side: changed(base, trial.get(side, {})) for side in ("bad", "good")}
            found = {side: [accuracy(spec, seed, known, folder) for seed in SEEDS] for side, spec in specs.items()}
            differences = [bad - good for bad, good in zip(found["bad"], found["good"], strict=True)]
            interval = T95 * statistics.stdev(differences) / len(SEEDS) ** 0.5
            measured[code] = {
                "code": code,
                "what": trial["what"],
                "data": DATA[trial["base"]],
                "bad": [round(value, 2) for value in found["bad"]],
                "good": [round(value, 2) for value in found["good"]],
                "effect_pp": round(statistics.mean(differences), 2),
                "interval_pp": round(interval, 2),
                "fires": fires(trial, base),
            }
            print(code, trial["what"], f"{statistics.mean(differences):+.2f} +- {interval:.2f}", flush=True)
            save(measured)
    save(measured)


def fires(trial: dict[str, Any], base: dict[str, Any]) -> bool:
    """Whether the rule finds something in the bad spec of its trial."""
    found = lint(document_of(changed(base, trial.get("bad", {}))))
    return trial["code"] in {finding.code for finding in found}


def save(measured: dict[str, dict[str, Any]]) -> None:
    """Write the file that pages read."""
    head = (
        "# Effects measured by tests/campaigns/effects.py: the bad spec of a rule against the good one, test accuracy\n"
        "# in percent for seeds 0, 1, 2; effect_pp is the mean difference in points, interval_pp half its 95 %\n"
        "# interval (Student's t, 2 degrees of freedom). The networks are small: signs and sizes need not carry\n"
        "# over to large ones.\n"
    )
    rows = [measured[code] for code in sorted(measured)]
    text = yaml.safe_dump({"effects": rows}, sort_keys=False, width=120, default_flow_style=None)
    MEASURED.write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
