"""The measurements of a run's network on one set of images, as `cnnwiz eval` prints them and the report draws them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cnnwiz.evaluation.calibration import calibration
from cnnwiz.evaluation.detection import detection
from cnnwiz.evaluation.intervals import METHODS, normal, wilson
from cnnwiz.evaluation.metrics import confusion, per_class, rank_of_truth, top_k
from cnnwiz.evaluation.outputs import Outputs, outputs_of
from cnnwiz.evaluation.slices import by_size
from cnnwiz.evaluation.trained import Trained, open_trained
from cnnwiz.evaluation.verification import verification

SEVERAL = 5  # top-k is given for 2 to this many, as far as there are more classes


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A network, its outputs on some images, and what was measured of them."""

    trained: Trained
    outputs: Outputs
    measured: dict[str, Any]
    """What `cnnwiz eval --output-format json` prints: `run, split, data, weights, fused, tta, images, accuracy,
    accuracy_interval`, and for task classify `loss, loss_interval, macro_f1, macro_f1_interval, top_k` (rows k,
    accuracy, interval), `per_class` (rows class, images, precision, recall, f1, and the interval of each),
    `confusion` (row true, column predicted), `calibration` (see `calibration`), `slices.size` (see `by_size`),
    `intervals` (how each is made). For task detect `accuracy` is null, and there are those of `detection`."""


def evaluate(
    run: Path,
    split: str = "test",
    data: Path | None = None,
    weights: str = "best",
    device: str = "auto",
    workers: int = 0,
    fused: bool = False,
    tta: str = "none",
) -> Evaluation:
    """Measure a run's `weights` on `split` of its own data, or on the images of `data`: a folder of class folders, an
    .npz file, or a spec whose source they come from.

    `fused` folds batch norms first; `tta` averages over views (see `views.views`). Raises CnnwizError.
    """
    trained = open_trained(run, weights, device, fused)
    outputs = outputs_of(trained, split, data, workers, tta)
    about = {"run": str(run), "split": split, "data": None if data is None else str(data), "weights": weights}
    about |= {"fused": fused, "tta": tta, "images": len(outputs)}
    return Evaluation(trained, outputs, about | _measured(trained, outputs))


def _measured(trained: Trained, outputs: Outputs) -> dict[str, Any]:
    """What the run's task measures."""
    if trained.detects:
        return detection(trained, outputs)
    return verification(outputs.scores, outputs.labels) if trained.embeds else classification(trained, outputs)


def classification(trained: Trained, outputs: Outputs) -> dict[str, Any]:
    """Metrics of scores, each with its 95 % interval."""
    predicted, labels = outputs.predicted.numpy(), outputs.labels.numpy()
    correct = predicted == labels
    accuracy = float(correct.mean())
    classes = len(outputs.classes)
    rows, (macro, macro_interval) = per_class(predicted, labels, outputs.classes)
    ranks = rank_of_truth(outputs.scores.numpy(), labels)
    loss = trained.spec.loss.build(classes)
    # Losses are means over a batch; that of each image by itself gives the spread that the interval needs.
    each = torch.vmap(lambda scores, label: loss(scores[None], label[None]))(outputs.scores, outputs.labels)
    return {
        "accuracy": accuracy,
        "accuracy_interval": list(wilson(accuracy, len(labels))),
        "loss": loss(outputs.scores, outputs.labels).item(),
        "loss_interval": list(normal(each.double().numpy())),
        "macro_f1": macro,
        "macro_f1_interval": macro_interval,
        "top_k": [top_k(ranks, k) for k in range(2, min(SEVERAL, classes - 1) + 1)],
        "per_class": rows,
        "confusion": confusion(predicted, labels, classes).tolist(),
        "calibration": calibration(outputs.probabilities.numpy(), labels),
        "slices": {"size": by_size(outputs.files, correct)},
        "intervals": {
            "accuracy, top_k, precision, recall, calibration.bins, slices": METHODS["wilson"],
            "loss, calibration.nll, calibration.brier": METHODS["normal"],
            "f1, macro_f1": METHODS["bootstrap"],
            "calibration.ece": METHODS["mirrored bootstrap"],
        },
    }
