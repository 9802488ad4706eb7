"""Metrics of a finished run's network on one of its splits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnnwiz.catalog.loss import EMBED
from cnnwiz.data.prepare import prepare
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.nn.fuse import fuse
from cnnwiz.nn.network import Network
from cnnwiz.spec import load
from cnnwiz.training.checkpoint import read
from cnnwiz.training.device import choose_device
from cnnwiz.training.evaluate import metrics_of, scores


def judge(
    run: Path, split: str = "test", weights: str = "best", device: str = "auto", workers: int = 0, folded: bool = False
) -> dict[str, Any]:
    """Metrics of `weights` on `split`: accuracy with interval, loss, macro F1, and a row per class; for task embed
    those of `verify`.

    `folded` measures the network with its batch norms folded into the convolutions.
    """
    spec_file = run / "spec.yaml"
    if not spec_file.is_file():
        raise CnnwizError(f"{run}: not a run directory (it has no spec.yaml)")
    if not (run / f"{weights}.safetensors").is_file():
        raise CnnwizError(f"{run}: has no {weights}.safetensors yet; train at least one epoch")
    spec = load(spec_file)
    tensors, about = read(run / f"{weights}.safetensors")
    place = choose_device(device, "float32")
    data = prepare(spec.data, about["preprocessing"]["image_size"], spec.training.seed, workers)
    if list(data.classes) != about["classes"]:
        raise CnnwizError(f"{run}: the data now has other classes than the run was trained on: {about['classes']}")
    pixels = {"test": data.test, "validation": data.validation, "train": data.train}[split]
    if pixels is None:
        raise CnnwizError(f"the data has no {split} images; take another --split")
    network = Network(graph_of(spec))
    network.load_state_dict(tensors)
    network = fuse(network.eval()) if folded else network
    found, labels = scores(network.to(place.type), pixels, about["preprocessing"], place.type)
    result = metrics_of(spec, found, labels)
    measured = {
        "run": str(run),
        "split": split,
        "weights": weights,
        "images": len(labels),
        "accuracy": result["accuracy"],
        "accuracy_interval": list(wilson(result["accuracy"], len(labels))),
    }
    if spec.task == EMBED:
        return measured | {name: result[name] for name in ("auc", "tar", "tar_1e3", "knn_accuracy")}
    table = confusion(found.argmax(1), labels, len(data.classes))
    rows = [per_class(name, table, index) for index, name in enumerate(data.classes)]
    return measured | {
        "loss": result["loss"],
        "macro_f1": sum(row["f1"] for row in rows) / len(rows),
        "per_class": rows,
        "confusion": table.tolist(),
    }


def confusion(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """(K, K) counts: row true class, column predicted class."""
    return torch.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def per_class(name: str, table: Tensor, index: int) -> dict[str, Any]:
    """Precision, recall and F1 of one class; 0 where a share has nothing to divide by."""
    hits = int(table[index, index])
    predicted, true = int(table[:, index].sum()), int(table[index].sum())
    precision, recall = (hits / total if total else 0.0 for total in (predicted, true))
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"class": name, "images": true, "precision": precision, "recall": recall, "f1": f1}


def wilson(share: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a share of `count` images (Wilson 1927), which stays inside 0 to 1."""
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(centre - half, 0.0), min(centre + half, 1.0)
