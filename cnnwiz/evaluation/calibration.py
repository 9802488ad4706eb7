"""Calibration: whether a network that is sure at 0.9 is right nine times in ten."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnwiz.evaluation.intervals import bootstrap, normal, wilson

BINS = 15  # Guo et al., arXiv:1706.04599


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Expected calibration error, reliability curve, Brier score and mean negative log-likelihood.

    From probabilities (N, K) and labels (N,). Confidence is the highest probability; the curve has 15 bins of equal
    width over 0 to 1, each closed above; ECE is the mean over images of |accuracy - confidence| of their bin.
    """
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    correct = (predicted == labels).astype(float)
    place = bin_of(confidence)
    gap = correct - confidence
    error = expected_error(place, gap)
    low, high = bootstrap(lambda chosen: np.array([expected_error(place[chosen], gap[chosen])]), len(labels))
    true = probabilities[np.arange(len(labels)), labels]
    brier = (probabilities**2).sum(1) - 2 * true + 1
    surprise = -np.log(np.maximum(true, np.finfo(float).tiny))
    return {
        "ece": error,
        "ece_interval": [max(2 * error - float(high[0]), 0.0), max(2 * error - float(low[0]), 0.0)],
        "brier": float(brier.mean()),
        "brier_interval": list(normal(brier)),
        "nll": float(surprise.mean()),
        "nll_interval": list(normal(surprise)),
        "bins": [_row(index, place == index, confidence, correct) for index in range(BINS)],
    }


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """The bin of each confidence (N,): i for i / 15 < confidence <= (i + 1) / 15."""
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)


def expected_error(place: np.ndarray, gap: np.ndarray) -> float:
    """ECE of images in bins `place` (N,), whose correctness less confidence is `gap` (N,)."""
    return float(np.abs(np.bincount(place, weights=gap, minlength=BINS)).sum() / len(gap))


def _row(index: int, inside: np.ndarray, confidence: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
    """A point of the reliability curve; confidence and accuracy are None where the bin is empty."""
    count = int(inside.sum())
    share = float(correct[inside].mean()) if count else None
    return {
        "from": index / BINS,
        "to": (index + 1) / BINS,
        "images": count,
        "confidence": float(confidence[inside].mean()) if count else None,
        "accuracy": share,
        "interval": list(wilson(share, count)) if share is not None else None,
    }
