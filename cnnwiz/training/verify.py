"""How good embeddings are: whether two images of one class are more alike than two of different classes.

Likeness is the cosine of two embeddings. No class needs to have been seen in training.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnwiz.data.keyed import permutation

MOST_IMAGES = 2_000
"""Verification compares all pairs of at most this many images (two million pairs), of classes drawn by number."""


def verify(embeddings: Tensor, labels: Tensor) -> dict[str, float | None]:
    """Metrics of embeddings (N, F) with labels (N,): `accuracy` and `knn_accuracy`, which are the same, `auc`, `tar`
    (at FAR 0.01) and `tar_1e3` (at FAR 0.001). None where there are no two images of a class, or one class."""
    embeddings = F.normalize(embeddings.float())
    nearest = neighbour_accuracy(embeddings, labels)
    chosen = whole_classes(labels, MOST_IMAGES)
    same, different = pair_scores(embeddings[chosen], labels[chosen])
    defined = len(same) > 0 and len(different) > 0
    return {
        "accuracy": nearest,
        "auc": auc(same, different) if defined else None,
        "tar": true_accepts(same, different, 0.01) if defined else None,
        "tar_1e3": true_accepts(same, different, 0.001) if defined else None,
        "knn_accuracy": nearest,
    }


def neighbour_accuracy(embeddings: Tensor, labels: Tensor, chunk: int = 1000) -> float:
    """Share of images whose nearest other image, by the product of embeddings (N, F), is of the same class."""
    return neighbours_right(embeddings, labels, chunk).sum().item() / len(labels)


def neighbours_right(embeddings: Tensor, labels: Tensor, chunk: int = 1000) -> Tensor:
    """Whether the nearest other image of each, by the product of embeddings (N, F), is of its class: bool (N,)."""
    right = []
    for start in range(0, len(labels), chunk):
        likeness = embeddings[start : start + chunk] @ embeddings.T
        likeness.diagonal(start).fill_(-torch.inf)
        right.append(labels[likeness.argmax(1)] == labels[start : start + chunk])
    return torch.cat(right)


def whole_classes(labels: Tensor, most: int) -> Tensor:
    """Indices of the images of as many classes, drawn in an order that is always the same, as hold `most` images."""
    if len(labels) <= most:
        return torch.arange(len(labels))
    classes, members = labels.unique(return_inverse=True)
    order = torch.from_numpy(permutation(0, 0, len(classes)))
    fitting = members.bincount()[order].cumsum(0) <= most
    fitting[:2] = True
    return torch.isin(members, order[fitting]).nonzero()[:, 0]


def pair_scores(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Products of the embeddings (N, F) of each pair of images: those of one class, and those of different classes."""
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    likeness = (embeddings @ embeddings.T)[first, second]
    same = labels[first] == labels[second]
    return likeness[same], likeness[~same]


def auc(same: Tensor, different: Tensor) -> float:
    """Area under the ROC curve: the chance that a pair of one class scores higher than another; ties count half."""
    ordered = different.sort().values
    below, not_above = (torch.searchsorted(ordered, same, right=right) for right in (False, True))
    return ((below + not_above).double().mean() / 2 / len(different)).item()


def true_accepts(same: Tensor, different: Tensor, rate: float) -> float:
    """TAR at FAR: the share of pairs of one class accepted by the lowest threshold that accepts at most `rate` of the
    others."""
    allowed = int(rate * len(different) + 1e-9)
    return (same > different.sort(descending=True).values[allowed]).double().mean().item()
