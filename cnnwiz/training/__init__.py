"""From a spec to a trained network: the loop, its optimizer, its checkpoints, the record of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnwiz.spec import Spec


def train(spec: Spec, run_dir: str | Path) -> dict[str, Any]:
    """Train `spec` in a new directory `run_dir` and return what its run.json holds."""
    from cnnwiz.training.loop import fit
    from cnnwiz.training.run import Run

    with Run.create(Path(run_dir), spec) as run:
        for _ in fit(run):
            pass
        return run.record
