"""Random numbers without a state: each is a hash of what it is for, so it never matters who asks, when or how often."""

from __future__ import annotations

import numpy as np

STEP = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: the increment of splitmix64
ORDER = -1  # the stream that permutations use; streams of augmentations count from 0


def uniform(seed: int, epoch: int, indices: np.ndarray, stream: int, count: int) -> np.ndarray:
    """Uniform numbers in [0, 1) as float64 (B, count); row b depends on seed, epoch, stream and indices[b] only."""
    states = _states(seed, epoch, stream, indices)
    bits = _mix(states[:, None] + STEP * np.arange(1, count + 1, dtype=np.uint64))
    return (bits >> np.uint64(11)) * 2.0**-53  # 53 bits are what a float64 holds


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The numbers 0 .. n-1 in an order that depends on seed and epoch only, as int64 (n,)."""
    return np.argsort(_mix(_states(seed, epoch, ORDER, np.arange(n)) + STEP), kind="stable")


def _states(seed: int, epoch: int, stream: int, indices: np.ndarray) -> np.ndarray:
    """One state (B,) for each image: the arguments absorbed one after the other."""
    state = np.zeros(1, np.uint64)
    for part in (seed, epoch, stream):
        state = _mix((state ^ np.array([int(part) % 2**64], np.uint64)) + STEP)
    return _mix((state ^ np.asarray(indices).astype(np.uint64)) + STEP)


def _mix(z: np.ndarray) -> np.ndarray:
    """The output function of splitmix64 (Steele, Lea, Flood: OOPSLA 2014), a bijection of 64 bits."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
