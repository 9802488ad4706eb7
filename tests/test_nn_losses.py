"""Losses of scores against their formulas, written as loops."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import unhurried

from cnnwiz.catalog.loss import CrossEntropy, Hinge

SCORES = [[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]]
LABELS = [0, 1, 2]


def hinge(scores: list[list[float]], labels: list[int], margin: float, power: int) -> float:
    """Mean over images of sum_{j != y} max(0, s_j - s_y + margin)^power."""
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        for other, score in enumerate(row):
            if other != label:
                total += max(0.0, score - row[label] + margin) ** power
    return total / len(scores)


def build(loss: CrossEntropy | Hinge, classes: int) -> torch.nn.Module:
    return loss.build(classes, None)


@pytest.mark.parametrize(("row", "expected"), [(0, 2.9), (1, 0.0), (2, 12.9)])
def test_hinge_of_the_cs231n_rows(row, expected):
    module = build(Hinge(), 3)
    loss = module(torch.tensor(SCORES[row : row + 1]), torch.tensor(LABELS[row : row + 1]))
    assert float(loss) == pytest.approx(expected, abs=1e-5)


def test_hinge_of_the_cs231n_batch():
    loss = build(Hinge(), 3)(torch.tensor(SCORES), torch.tensor(LABELS))
    assert float(loss) == pytest.approx((2.9 + 0 + 12.9) / 3, abs=1e-5)
    assert float(loss) == pytest.approx(5.2667, abs=1e-4)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[list[float]], list[int]]:
    classes, images = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    row = st.lists(st.floats(-20, 20, width=32), min_size=classes, max_size=classes)
    labels = st.lists(st.integers(0, classes - 1), min_size=images, max_size=images)
    return draw(st.lists(row, min_size=images, max_size=images)), draw(labels)


@unhurried
@given(batches(), st.floats(0.1, 5), st.sampled_from([1, 2]))
def test_hinge_is_its_formula(batch, margin, power):
    scores, labels = batch
    module = build(Hinge(margin=margin, power=power), len(scores[0]))
    loss = module(torch.tensor(scores, dtype=torch.float64), torch.tensor(labels))
    assert float(loss) == pytest.approx(hinge(scores, labels, margin, power), rel=1e-9, abs=1e-9)


@unhurried
@given(batches(), st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_cross_entropy_with_label_smoothing_is_its_formula(batch, smoothing):
    scores, labels = batch
    classes, total = len(scores[0]), 0.0
    for row, label in zip(scores, labels, strict=True):
        top = max(row)
        log_sum = top + math.log(sum(math.exp(score - top) for score in row))
        for other, score in enumerate(row):
            target = smoothing / classes + (1 - smoothing) * (other == label)
            total -= target * (score - log_sum)
    module = build(CrossEntropy(label_smoothing=smoothing), classes)
    loss = module(torch.tensor(scores, dtype=torch.float64), torch.tensor(labels))
    assert float(loss) == pytest.approx(total / len(scores), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_cross_entropy_of_equal_scores_is_log_k(classes):
    module = build(CrossEntropy(), classes)
    assert float(module(torch.zeros(4, classes), torch.arange(4) % classes)) == pytest.approx(
        math.log(classes), rel=1e-6
    )


def test_hinge_is_zero_beyond_the_margin():
    module = build(Hinge(margin=2.0), 3)
    assert float(module(torch.tensor([[5.0, 3.0, -1.0]]), torch.tensor([0]))) == 0
    assert float(module(torch.tensor([[5.0, 3.5, -1.0]]), torch.tensor([0]))) == pytest.approx(0.5)
