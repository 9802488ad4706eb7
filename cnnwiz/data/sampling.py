"""Which images meet in a batch: a function of labels, seed and epoch only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnwiz.data.keyed import ORDER, permutation, uniform
from cnnwiz.errors import CnnwizError

CHANCE = ORDER - 1  # the stream of the first batch's chances; those of later batches are below it
Sample = Callable[[np.ndarray, int, int, int], list[np.ndarray]]
"""sample(labels, batch_size, seed, epoch): the batches of an epoch as indices int64, as many in every epoch."""


def shuffled(labels: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Full batches in random order; the remainder, another one each epoch, is left out. One of all where few."""
    order = permutation(seed, epoch, len(labels))
    count = max(len(order) // batch_size, 1)
    return [order[number * batch_size : (number + 1) * batch_size] for number in range(count)]


def classes_by_images(
    classes: int, images: int, labels: np.ndarray, batch_size: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """Batches of `classes` different classes with `images` images each, class after class.

    Each class is cut into groups of `images`, at random; what is left over, another part each epoch, is left out, and a
    class that is too small for one group repeats its images. A batch takes the classes with most groups left.
    """
    if batch_size != classes * images:
        product = f"{classes} classes of {images} images ({classes * images})"
        raise CnnwizError(f"training.batch_size is {batch_size}, but sampler pk makes batches of {product}")
    groups = _groups(labels, images, seed, epoch)
    if len(groups) < classes:
        raise CnnwizError(
            f"sampler pk wants {classes} classes in a batch, but there are {len(groups)} to train on: lower its classes"
        )
    left = np.array([len(group) for group in groups])
    batches = []
    while np.count_nonzero(left) >= classes:
        chance = uniform(seed, epoch, np.arange(len(groups)), CHANCE - len(batches), 1)[:, 0]
        fullest = np.argsort(-(left + chance))[:classes]  # a number below 1 decides between equals
        left[fullest] -= 1
        batches.append(np.concatenate([groups[label][left[label]] for label in fullest]))
    return [batches[number] for number in permutation(seed, epoch, len(batches))]


def _groups(labels: np.ndarray, size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """For each class its images in random order, int64 (groups, size)."""
    order = permutation(seed, epoch, len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.unique(labels, return_counts=True)[1]
    members = np.split(order, np.cumsum(counts)[:-1])
    return [np.resize(some, (max(len(some) // size, 1), size)) for some in members]
