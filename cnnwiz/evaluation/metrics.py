"""Metrics of a classifier from its predictions: confusion, precision, recall, F1, top-k."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnwiz.evaluation.intervals import bootstrap, wilson


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(K, K) counts: row true class, column predicted class."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def f1_scores(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """F1 of each class (K,): 2 TP / (2 TP + FP + FN), 0 for a class that neither is nor is predicted."""
    hits = np.bincount(labels[predicted == labels], minlength=classes)
    either = np.bincount(labels, minlength=classes) + np.bincount(predicted, minlength=classes)
    return 2 * hits / np.maximum(either, 1)


def rank_of_truth(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many classes stand before the true one (N,), from scores (N, K); of equal scores the lower number is first,
    so that rank 0 is what argmax finds."""
    true = scores[np.arange(len(labels)), labels][:, None]
    before = np.arange(scores.shape[1])[None] < labels[:, None]
    return ((scores > true) | ((scores == true) & before)).sum(1)


def top_k(ranks: np.ndarray, k: int) -> dict[str, Any]:
    """Share of images whose true class is among the k highest scores, with its Wilson interval."""
    share = float((ranks < k).mean())
    return {"k": k, "accuracy": share, "interval": list(wilson(share, len(ranks)))}


def per_class(predicted: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> tuple[list[dict[str, Any]], Any]:
    """A row for each class, and (macro F1, its interval).

    Precision and recall are 0 where there is nothing to divide by; their intervals are Wilson's, those of F1 bootstrap.
    Macro F1 is the mean over the classes that occur among labels or predictions, as in scikit-learn.
    """
    classes = len(names)
    table = confusion(predicted, labels, classes)
    hits, true, said = np.diag(table), table.sum(1), table.sum(0)
    f1 = f1_scores(predicted, labels, classes)
    present = (true + said) > 0

    def resampled(chosen: np.ndarray) -> np.ndarray:
        found = f1_scores(predicted[chosen], labels[chosen], classes)
        return np.append(found, found[present].mean())

    low, high = bootstrap(resampled, len(labels))
    rows = []
    for index, name in enumerate(names):
        precision, recall = (float(hits[index] / total) if total else 0.0 for total in (said[index], true[index]))
        row = {"class": name, "images": int(true[index]), "precision": precision, "recall": recall}
        row |= {"f1": float(f1[index]), "precision_interval": list(wilson(precision, int(said[index])))}
        row |= {"recall_interval": list(wilson(recall, int(true[index])))}
        rows.append(row | {"f1_interval": [float(low[index]), float(high[index])]})
    return rows, (float(f1[present].mean()), [float(low[-1]), float(high[-1])])
