"""The accuracies of several runs on the same split, and how they differ. Needs torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch.nn.functional import normalize

from cnnwiz.evaluation.intervals import wilson
from cnnwiz.evaluation.outputs import Outputs, outputs_of
from cnnwiz.evaluation.trained import open_trained
from cnnwiz.studies.paired import Comparison, apart, paired
from cnnwiz.training.verify import neighbours_right


class Judged(NamedTuple):
    """A run's network on its images."""

    outputs: Outputs
    right: np.ndarray  # bool (N,): which images are named rightly

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    def as_json(self) -> dict[str, Any]:
        """Images, accuracy and its interval."""
        count = len(self.right)
        return {"images": count, "accuracy": self.accuracy, "interval": list(wilson(self.accuracy, count))}


def judged(run: Path, split: str, data: Path | None, weights: str, device: str, workers: int) -> Judged:
    """A run's network on `split`, or on the images of `data`."""
    trained = open_trained(run, weights, device)
    trained.refuse_boxes("a comparison")
    outputs = outputs_of(trained, split, data, workers)
    if trained.embeds:
        return Judged(outputs, neighbours_right(normalize(outputs.scores), outputs.labels).numpy())
    return Judged(outputs, (outputs.predicted == outputs.labels).numpy())


def against(first: Judged, second: Judged) -> Comparison:
    """The second against the first: image by image where both saw the same."""
    if _alike(first.outputs) == _alike(second.outputs):
        return paired(first.right, second.right)
    return apart(first.accuracy, len(first.right), second.accuracy, len(second.right))


def _alike(outputs: Outputs) -> tuple[Any, ...]:
    """What two sets of images must share to be the same: identities and the names of the true classes."""
    return outputs.keys, tuple(outputs.classes[label] for label in outputs.labels.tolist())
