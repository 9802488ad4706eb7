"""Metrics and intervals of `cnnwiz eval` against scikit-learn, scipy and naive loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from cnnwiz.evaluation.calibration import BINS, bin_of, calibration, error_interval
from cnnwiz.evaluation.intervals import bootstrap, normal, wilson
from cnnwiz.evaluation.metrics import confusion, f1_scores, per_class, rank_of_truth, top_k
from cnnwiz.evaluation.verification import verification, weighted
from cnnwiz.training.verify import verify

CLASSES = 6


@pytest.fixture(scope="module")
def case() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (400, 6) of a fair classifier that is too sure, and labels."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, CLASSES - 1, 400)  # the last class never occurs
    scores = generator.normal(0, 1.5, (400, CLASSES))
    scores[np.arange(400), labels] += 2
    powers = np.exp(1.5 * scores)
    return powers / powers.sum(1, keepdims=True), labels


def test_counts_and_shares_agree_with_scikit_learn(case):
    probabilities, labels = case
    predicted = probabilities.argmax(1)
    rows, (macro, (low, high)) = per_class(predicted, labels, tuple("abcdef"))

    assert confusion(predicted, labels, CLASSES).tolist() == confusion_matrix(labels, predicted).tolist()
    for key, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        expected = score(labels, predicted, average=None, zero_division=0)
        assert [row[key] for row in rows] == pytest.approx(expected.tolist())
    assert macro == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert low < macro < high
    assert sum(row["images"] for row in rows) == 400
    assert rows[5]["images"] == 0
    assert rows[5]["recall_interval"] == [0, 1]


def test_macro_f1_leaves_out_classes_that_neither_are_nor_are_predicted():
    predicted, labels = np.array([0, 1, 1]), np.array([0, 1, 0])
    _, (macro, _) = per_class(predicted, labels, ("a", "b", "never"))
    assert macro == pytest.approx(f1_score(labels, predicted, average="macro"))


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_top_k_agrees_with_scikit_learn(case, k):
    probabilities, labels = case
    found = top_k(rank_of_truth(probabilities, labels), k)
    assert found["accuracy"] == pytest.approx(top_k_accuracy_score(labels, probabilities, k=k, labels=range(CLASSES)))
    if k == 1:
        assert found["accuracy"] == accuracy_score(labels, probabilities.argmax(1))


def test_ties_are_ranked_as_argmax_does():
    scores = np.array([[1.0, 1.0, 0.0], [0.5, 0.5, 0.5]])
    for row, scored in enumerate(scores):
        ranks = [rank_of_truth(scored[None], np.array([label]))[0] for label in range(3)]
        assert sorted(ranks) == [0, 1, 2]
        assert ranks.index(0) == scores.argmax(1)[row]


def naive_ece(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Equation 3 of arXiv:1706.04599, image by image."""
    groups: dict[int, list[tuple[float, bool]]] = {}
    for row, label in zip(probabilities, labels, strict=True):
        confidence = max(row)
        group = next(m for m in range(1, 16) if (m - 1) / 15 < confidence <= m / 15)
        groups.setdefault(group, []).append((confidence, int(np.argmax(row)) == label))
    error = 0.0
    for members in groups.values():
        accuracy = sum(right for _, right in members) / len(members)
        sure = sum(confidence for confidence, _ in members) / len(members)
        error += len(members) / len(labels) * abs(accuracy - sure)
    return error


def test_calibration_agrees_with_the_definition_and_scikit_learn(case):
    probabilities, labels = case
    found = calibration(probabilities, labels)
    assert found["ece"] == pytest.approx(naive_ece(probabilities, labels))
    assert found["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(CLASSES)))
    assert found["brier"] == pytest.approx(
        brier_score_loss(labels, probabilities, labels=list(range(CLASSES)), scale_by_half=False)
    )
    bins = [row for row in found["bins"] if row["images"]]
    assert sum(row["images"] for row in bins) == 400
    assert sum(row["accuracy"] * row["images"] for row in bins) == pytest.approx(
        (probabilities.argmax(1) == labels).sum()
    )
    assert all(row["from"] < row["confidence"] <= row["to"] for row in bins)


def test_bins_are_closed_above():
    assert bin_of(np.array([1 / 15, 1 / 15 + 1e-9, 0.2, 1.0, 0.0])).tolist() == [0, 1, 2, 14, 0]
    assert BINS == 15


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (355, 360), (360, 360), (8431, 10000)])
def test_wilson_agrees_with_scipy(hits, count):
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    assert wilson(hits / count, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_bootstrap_of_a_mean_is_the_normal_interval_and_repeatable():
    values = np.random.default_rng(0).exponential(size=2000)
    low, high = bootstrap(lambda chosen: np.array([values[chosen].mean()]), len(values))
    assert (low[0], high[0]) == pytest.approx(normal(values), rel=0.02)
    again = bootstrap(lambda chosen: np.array([values[chosen].mean()]), len(values))
    assert (low[0], high[0]) == (again[0][0], again[1][0])


def test_macro_f1_is_covered_as_often_as_said():
    """150 draws of 300 images from a world whose macro F1 is known; of 95 % 136 and more has probability 0.99."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(150):
        labels = generator.integers(0, 2, 300)
        predicted = np.where(generator.random(300) < 0.6, labels, 1 - labels)
        low, high = bootstrap(lambda c, p=predicted, t=labels: np.array([f1_scores(p[c], t[c], 2).mean()]), 300, 100)
        covered += bool(low[0] <= 0.6 <= high[0])  # both classes alike: F1 is the accuracy
    assert 136 <= covered <= 149


@pytest.mark.parametrize("excess", [0.0, 0.1])
def test_calibration_error_is_covered(excess):
    """100 draws of 300 images of a network that is too sure by `excess` everywhere."""
    generator = np.random.default_rng(6)
    covered = 0
    for _ in range(100):
        confidence = np.clip(generator.beta(4, 1.5, 300), 0.11, 0.999)
        correct = (generator.random(300) < confidence - excess).astype(float)
        _, (low, high), _ = error_interval(bin_of(confidence), confidence, correct, 100)
        covered += low <= excess <= high
    assert covered >= 88


@pytest.fixture(scope="module")
def people() -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (180, 8) of 30 classes, six of each."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(180) % 30
    centres = torch.randn(30, 8, generator=generator)
    return centres[labels] + 1.2 * torch.randn(180, 8, generator=generator), labels


def test_verification_has_intervals_that_hold_it(people):
    measured = verification(*people)
    for name in ("accuracy", "auc", "tar", "tar_1e3"):
        low, high = measured[f"{name}_interval"]
        assert low < measured[name] < high
    few = people[1] < 5
    assert verification(people[0][few], people[1][few])["auc_interval"] is None


def test_weighted_pairs_are_pairs_counted_so_often(people):
    """Against scikit-learn's weighted ROC, and against verify's own figures where every class counts once."""
    embeddings, labels = (part[:60] for part in people)
    unit = torch.nn.functional.normalize(embeddings)
    first, second = torch.triu_indices(60, 60, 1)
    likeness = (unit @ unit.T)[first, second]
    order = likeness.argsort()
    a, b = labels[first][order].numpy(), labels[second][order].numpy()
    drawn = np.random.default_rng(1).integers(0, 3, 30)
    counts = np.where(a == b, drawn[a], drawn[a] * drawn[b])
    expected = roc_auc_score(a == b, likeness[order].numpy(), sample_weight=counts)
    assert weighted(a == b, a, b, drawn)["auc"] == pytest.approx(expected)
    plain = verify(embeddings, labels)
    found = weighted(a == b, a, b, np.ones(30, int))
    assert found == pytest.approx({name: plain[name] for name in found})
