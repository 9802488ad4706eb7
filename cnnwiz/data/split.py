"""Setting images aside for validation or test: the same images on every machine and in every order."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def stratified(labels: np.ndarray, keys: Sequence[str], fraction: float, seed: int) -> np.ndarray:
    """Which images to set aside, as a boolean mask (N,): `fraction` of each class, rounded half up.

    An image's rank inside its class is the hash of the seed and its key, so adding or removing other images moves few.
    A class of 2 or more gives at least one image and keeps at least one; a class of 1 keeps its image.
    """
    ranks = [digest_of(seed, key) for key in keys]
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        wanted = math.floor(fraction * len(members) + 0.5)
        wanted = min(max(wanted, 1), len(members) - 1)
        chosen[sorted(members, key=lambda image: ranks[image])[:wanted]] = True
    return chosen


def digest_of(seed: int, key: str) -> bytes:
    """A number of chance that belongs to this seed and key."""
    return hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogateescape")).digest()
