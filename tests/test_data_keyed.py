"""Keyed randomness and stratified splits: uniform, independent, and a function of their arguments only."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from cnnwiz.data.keyed import STEP, _mix, permutation, uniform
from cnnwiz.data.split import stratified

ALL = np.arange(4096)
LEAST = 1e-4  # probability of a worse fit, below which a generator is called bad; the seeds are fixed


def streams() -> dict[str, np.ndarray]:
    """4,096 numbers that differ in one argument at a time."""
    return {
        "indices": uniform(0, 0, ALL, 0, 1)[:, 0],
        "counts": uniform(0, 0, np.array([7]), 0, 4096)[0],
        "epochs": np.concatenate([uniform(0, epoch, np.array([7]), 0, 1)[0] for epoch in range(4096)]),
        "seeds": np.concatenate([uniform(seed, 0, np.array([7]), 0, 1)[0] for seed in range(4096)]),
        "streams": np.concatenate([uniform(0, 0, np.array([7]), stream, 1)[0] for stream in range(4096)]),
        "far indices": uniform(0, 0, ALL << 40, 0, 1)[:, 0],
        "high seeds": np.concatenate([uniform(seed << 50, 0, np.array([7]), 0, 1)[0] for seed in range(4096)]),
    }


STREAMS = streams()


def test_mixing_is_that_of_the_published_generator():
    # first outputs of splitmix64 for seed 1234567, as its authors' C code prints them
    with np.errstate(over="ignore"):
        states = np.array([1234567], np.uint64) + STEP * np.arange(1, 4, dtype=np.uint64)
    assert _mix(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("numbers", STREAMS.values(), ids=STREAMS)
def test_numbers_are_uniform(numbers):
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert chisquare(np.bincount((numbers * 64).astype(int), minlength=64)).pvalue > LEAST
    assert chisquare(np.bincount((numbers * 2**20).astype(int) % 64, minlength=64)).pvalue > LEAST  # lower bits
    assert kstest(numbers, "uniform").pvalue > LEAST


def neighbours() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs that must not know of each other: one argument one step apart."""
    first = uniform(0, 0, ALL, 0, 2)
    return {
        "counts": (first[:, 0], first[:, 1]),
        "indices": (first[:-1, 0], first[1:, 0]),
        "epochs": (first[:, 0], uniform(0, 1, ALL, 0, 1)[:, 0]),
        "seeds": (first[:, 0], uniform(1, 0, ALL, 0, 1)[:, 0]),
        "streams": (first[:, 0], uniform(0, 0, ALL, 1, 1)[:, 0]),
        "seed and epoch exchanged": (uniform(3, 5, ALL, 0, 1)[:, 0], uniform(5, 3, ALL, 0, 1)[:, 0]),
        "epoch and index exchanged": (
            np.concatenate([uniform(0, e, np.array([1]), 0, 1)[0] for e in range(4096)]),
            uniform(0, 1, ALL, 0, 1)[:, 0],
        ),
    }


PAIRS = neighbours()


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_neighbours_are_independent(pair):
    first, second = pair
    cells = (first * 8).astype(int) * 8 + (second * 8).astype(int)
    assert chisquare(np.bincount(cells, minlength=64)).pvalue > LEAST
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(len(first))


@given(
    seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 10**6),
    stream=st.integers(0, 100),
    indices=st.lists(st.integers(0, 2**40), min_size=1, max_size=20),
    cut=st.integers(0, 20),
)
def test_other_members_of_the_batch_do_not_matter(seed, epoch, stream, indices, cut):
    whole = uniform(seed, epoch, np.array(indices), stream, 3)
    parts = [uniform(seed, epoch, np.array(part, int), stream, 3) for part in (indices[:cut], indices[cut:])]
    assert np.array_equal(whole, np.concatenate(parts))
    assert np.array_equal(whole[:, :2], uniform(seed, epoch, np.array(indices), stream, 2))
    assert whole.dtype == np.float64


@given(seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 10**6), n=st.integers(0, 300))
def test_permutation_holds_each_number_once(seed, epoch, n):
    order = permutation(seed, epoch, n)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(n))
    assert np.array_equal(order, permutation(seed, epoch, n))


def test_permutations_are_uniform_and_not_tied_to_their_neighbours():
    orders = np.stack([permutation(0, epoch, 4) for epoch in range(4800)])
    kinds = orders @ np.array([64, 16, 4, 1])
    counts = np.unique(kinds, return_counts=True)[1]
    assert len(counts) == 24
    assert chisquare(counts).pvalue > LEAST
    firsts = np.array([a[0] * 4 + b[0] for a, b in pairwise(orders)])
    assert chisquare(np.bincount(firsts, minlength=16)).pvalue > LEAST


def test_permutation_is_not_the_order_of_the_first_augmentation():
    assert not np.array_equal(permutation(0, 0, 64), np.argsort(uniform(0, 0, np.arange(64), 0, 1)[:, 0]))


LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=80)


@given(labels=LABELS, fraction=st.floats(0.01, 0.9), seed=st.integers(0, 5))
def test_split_takes_the_lowest_hashes_of_each_class(labels, fraction, seed):
    keys = [f"class/{number}.jpg" for number in range(len(labels))]
    chosen = stratified(np.array(labels), keys, fraction, seed)
    for label in set(labels):
        members = [number for number, other in enumerate(labels) if other == label]
        wanted = int(fraction * len(members) + 0.5)
        wanted = 0 if len(members) == 1 else max(1, min(wanted, len(members) - 1))
        members.sort(key=lambda number: hashlib.sha256(f"{seed}:{keys[number]}".encode()).hexdigest())
        assert sorted(np.flatnonzero(chosen & (np.array(labels) == label))) == sorted(members[:wanted])


@given(labels=LABELS, order=st.randoms(use_true_random=False))
def test_split_does_not_depend_on_the_order_of_the_images(labels, order):
    keys = [str(number) for number in range(len(labels))]
    moved = list(range(len(labels)))
    order.shuffle(moved)
    chosen = stratified(np.array(labels), keys, 0.3, 1)
    again = stratified(np.array(labels)[moved], [keys[i] for i in moved], 0.3, 1)
    assert np.array_equal(chosen[moved], again)


def test_split_depends_on_the_seed_and_survives_names_that_are_not_utf8():
    labels, keys = np.zeros(100, int), [f"\udcff{number}" for number in range(100)]
    assert not np.array_equal(stratified(labels, keys, 0.5, 0), stratified(labels, keys, 0.5, 1))
