"""What `cnnwiz new --data SET --defaults` reaches on the classification sets of ../shared/data: a Markdown table.

python tests/campaigns/wizard_defaults.py [SET ...], about 5 minutes of one core each. What does not fit into that is
given fewer epochs or channels, which the table says. Everything is written below a temporary folder.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

DATA = Path(__file__).parents[3] / "shared" / "data"
SETS = {
    "digits": (None, []),
    "orl_faces": ("orl_faces.tar.xz", []),
    "catsdogs603": ("catsdogs603.tar.xz", []),
    "mnist_rot": ("mnist_rot.npz", ["training.epochs=5"]),
    "imagenette224_1500": ("imagenette224_1500.tar.xz", ["training.epochs=20"]),
    "cifar10_jpeg75": ("cifar10_jpeg75.tar.xz", ["architecture.width=16", "training.epochs=2"]),
}
"""Archive or array file of each set, and what is answered otherwise than recommended."""


def cnnwiz(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on one thread; its output."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "cnnwiz", *words]
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=True)


def images(name: str, folder: Path) -> str:
    """Where the images of a set are, unpacked into `folder` if they have to be."""
    file = SETS[name][0]
    if file is None:
        return name
    if not file.endswith(".tar.xz"):
        return str(DATA / file)
    with tarfile.open(DATA / file) as archive:
        archive.extractall(folder / name, filter="data")
    inside = list((folder / name).iterdir())
    return str(inside[0] if len(inside) == 1 else folder / name)


def row(name: str, folder: Path) -> str:
    """One line of the table."""
    options = [word for pair in SETS[name][1] for word in ("--set", pair)]
    cnnwiz(folder, "new", "--data", images(name, folder), "--defaults", *options, "-o", f"{name}.yaml")
    found = json.loads(cnnwiz(folder, "lint", "--output-format", "json", f"{name}.yaml").stdout)["findings"]
    warnings = ", ".join(sorted({f"{f['code']} {f['name']}" for f in found if f["severity"] != "info"}))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    cnnwiz(folder, "train", f"{name}.yaml", "--run-dir", f"run-{name}", "--workers", "0", "--no-cache")
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    metrics = json.loads((folder / f"run-{name}" / "run.json").read_text())["metrics"]
    split = "test" if "test_accuracy" in metrics else "validation"
    accuracy = metrics["test_accuracy"] if split == "test" else metrics["val_accuracy"]
    otherwise = ", ".join(SETS[name][1])
    cells = (name, f"{accuracy:.4f} ({split})", f"{seconds:.0f} s", otherwise or "nothing", warnings or "nothing")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("| set | accuracy | processor time | answered otherwise | lint |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        for chosen in sys.argv[1:] or SETS:
            print(row(chosen, Path(scratch)), flush=True)
