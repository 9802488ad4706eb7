"""Metrics of embeddings with their intervals: whether two images of one class are more alike than two of different."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cnnwiz.evaluation.intervals import METHODS, wilson
from cnnwiz.training.verify import MOST_IMAGES, verify, whole_classes

RATES = {"tar": 0.01, "tar_1e3": 0.001}
RESAMPLES = 200
FEWEST_CLASSES = 10
"""With fewer classes their resamples say nothing, and there is no interval."""


def verification(embeddings: Tensor, labels: Tensor) -> dict[str, Any]:
    """Metrics of embeddings (N, F) with labels (N,); `accuracy` is that of nearest neighbours.

    Pairs that share an image or a class go together, so that the intervals of auc and tar come from resamples of whole
    classes; they are null with fewer than 10.
    """
    found = verify(embeddings, labels)
    nearest = float(found["accuracy"] or 0.0)
    measured: dict[str, Any] = {
        "accuracy": nearest,
        "accuracy_interval": list(wilson(nearest, len(labels))),
        **{name: found[name] for name in ("auc", "tar", "tar_1e3", "knn_accuracy")},
    }
    chosen = whole_classes(labels, MOST_IMAGES)
    intervals = _resampled(normalize(embeddings.float())[chosen], labels[chosen])
    measured |= {f"{name}_interval": interval for name, interval in intervals.items()}
    classes = f"{RESAMPLES} resamples of the classes, percentiles 2.5 and 97.5"
    return measured | {"intervals": {"accuracy": METHODS["wilson"], "auc, tar, tar_1e3": classes}}


def weighted(same: np.ndarray, first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """AUC and TAR of pairs sorted by likeness, least first: whether each is of one class (M,), the classes of its two
    images (M,), and how often each class counts (C,)."""
    pairs = np.where(same, weights[first], weights[first] * weights[second]).astype(float)
    others = np.where(same, 0.0, pairs)
    alike = np.where(same, pairs, 0.0)
    below = np.cumsum(others)
    total = below[-1]
    found = {"auc": float(alike @ below / (alike.sum() * total))}
    for name, rate in RATES.items():
        found[name] = float(alike[total - below <= rate * total + 1e-9].sum() / alike.sum())
    return found


def _resampled(embeddings: Tensor, labels: Tensor) -> dict[str, list[float] | None]:
    names = ("auc", *RATES)
    _, places = labels.unique(return_inverse=True)
    count = int(places.max()) + 1
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    order = (embeddings @ embeddings.T)[first, second].argsort(stable=True)
    a, b = places[first][order].numpy(), places[second][order].numpy()
    same = a == b
    if count < FEWEST_CLASSES or not same.any():
        return dict.fromkeys(names)
    generator = np.random.default_rng(0)
    draws = (np.bincount(generator.integers(0, count, count), minlength=count) for _ in range(RESAMPLES))
    rows = [weighted(same, a, b, weights) for weights in draws if weights[a[same]].any()]
    return {name: np.percentile([row[name] for row in rows], (2.5, 97.5)).tolist() for name in names}
