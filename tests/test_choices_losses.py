"""Losses against closed forms, naive loops and other libraries; samplers; verification metrics against scikit-learn."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import SphereFaceLoss
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from torch.nn import functional as F

from cnnwiz.catalog.head import EmbeddingHead
from cnnwiz.catalog.layers import Conv
from cnnwiz.catalog.loss import LOSSES, ASoftmax, Center, CrossEntropy, Hinge, Triplet
from cnnwiz.catalog.sampler import PK, Shuffle
from cnnwiz.data.sampling import classes_by_images
from cnnwiz.errors import CnnwizError
from cnnwiz.nn.losses import psi
from cnnwiz.spec.document import Model, Spec
from cnnwiz.training.device import Device
from cnnwiz.training.step import evaluate
from cnnwiz.training.verify import auc, neighbour_accuracy, pair_scores, true_accepts, verify, whole_classes


def some(seed: int, images: int = 12, features: int = 5, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Random embeddings that want gradients, and labels."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(images, features, generator=generator).requires_grad_()
    return embeddings, torch.randint(classes, (images,), generator=generator)


# Losses of scores


def test_hinge_of_worked_examples():
    scores = torch.tensor([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    labels = torch.tensor([0, 1, 2])
    for row, expected in enumerate((2.9, 0.0, 12.9)):
        assert Hinge().build(3)(scores[row : row + 1], labels[row : row + 1]).item() == pytest.approx(expected)
    assert Hinge().build(3)(scores, labels).item() == pytest.approx(15.8 / 3)
    squared = (0 + 2.9**2 + (2.2 + 3.1 + 1) ** 2 + (2.5 + 3.1 + 1) ** 2) / 3
    assert Hinge(power=2).build(3)(scores, labels).item() == pytest.approx(squared)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_its_definition(smoothing):
    scores, labels = some(0, 7, 4)
    chances = torch.log_softmax(scores, 1)
    true = -chances[range(7), labels]
    expected = ((1 - smoothing) * true - smoothing * chances.mean(1)).mean()
    torch.testing.assert_close(CrossEntropy(label_smoothing=smoothing).build(4)(scores, labels), expected)
    assert CrossEntropy(label_smoothing=smoothing).build(4)(torch.zeros(3, 4), labels[:3]).item() == pytest.approx(
        math.log(4)
    )


def test_cross_entropy_of_embeddings_has_a_classifier_of_its_own():
    embeddings, labels = some(1)
    loss = CrossEntropy().build(4, 5)
    weight, bias = loss.parameters()
    assert weight.shape == (4, 5)
    torch.testing.assert_close(loss(embeddings, labels), F.cross_entropy(embeddings @ weight.T + bias, labels))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.key)
def test_what_a_loss_owns_is_the_same_from_the_same_seed(loss):
    features = 3 if "embed" in loss.tasks else None
    owned = []
    for _ in range(2):
        torch.manual_seed(5)
        owned.append(loss().build(4, features).state_dict())
    assert all(torch.equal(owned[0][name], owned[1][name]) for name in owned[0])
    assert list(loss().build(4).parameters()) == [] if features is None else True


# Triplet


def squared_distances(embeddings: torch.Tensor) -> torch.Tensor:
    unit = embeddings / embeddings.norm(dim=1, keepdim=True)
    return (unit[:, None] - unit[None]).square().sum(2)


def naive_semi_hard(embeddings, labels, margin):
    d, terms = squared_distances(embeddings), []
    for a, p, n in itertools.product(range(len(labels)), repeat=3):
        triplet = a != p and labels[a] == labels[p] and labels[a] != labels[n]
        if triplet and d[a, p] < d[a, n] < d[a, p] + margin:
            terms.append(d[a, p] - d[a, n] + margin)
    return torch.stack(terms).mean() if terms else (embeddings * 0).sum()


def naive_batch_hard(embeddings, labels, margin):
    d, terms = squared_distances(embeddings), []
    for a in range(len(labels)):
        positives = [d[a, p] for p in range(len(labels)) if p != a and labels[p] == labels[a]]
        negatives = [d[a, n] for n in range(len(labels)) if labels[n] != labels[a]]
        if positives and negatives:
            terms.append(F.relu(max(positives) - min(negatives) + margin))
    return torch.stack(terms).mean() if terms else (embeddings * 0).sum()


@pytest.mark.parametrize(("mining", "naive"), [("semi_hard", naive_semi_hard), ("batch_hard", naive_batch_hard)])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("images", [12, 30])  # from 26 on, torch computes distances by a matrix product
def test_triplet_equals_a_naive_loop(mining, naive, seed, images):
    embeddings, labels = some(seed, images)
    margin = (0.2, 0.5, 1.0)[seed % 3]
    loss = Triplet(margin=margin, mining=mining).build(4, 5)(embeddings, labels)
    expected = naive(embeddings, labels, margin)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    (gradient,), (wanted,) = torch.autograd.grad(loss, embeddings), torch.autograd.grad(expected, embeddings)
    torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-4)


def test_triplet_of_a_worked_example():
    """Distances 0.8 (positive), 2 and 0.4: hardest triplets lose 0 and 0.6, and none lies inside the margin."""
    embeddings = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 1])
    assert Triplet(mining="batch_hard").build(2, 2)(embeddings, labels).item() == pytest.approx(0.3)
    loss = Triplet().build(2, 2)(embeddings, labels)
    loss.backward()
    assert loss.item() == 0
    assert embeddings.grad is not None
    assert not embeddings.grad.any()


# Center


def test_center_of_a_worked_example():
    loss = Center(weight=1.0, alpha=0.5).build(2, 2)
    embeddings, labels = torch.tensor([[1.0, 1.0], [3.0, 1.0], [0.0, 2.0]]), torch.tensor([0, 0, 1])
    softmax = F.cross_entropy(loss.classifier(embeddings), labels)
    assert (loss(embeddings, labels) - softmax).item() == pytest.approx(8 / 3)
    loss.after_step()
    torch.testing.assert_close(loss.centres, torch.tensor([[2 / 3, 1 / 3], [0.0, 0.5]]))


@pytest.mark.parametrize("seed", range(3))
def test_centres_and_gradients_equal_a_naive_loop(seed):
    embeddings, labels = some(seed, classes=6)
    loss = Center(weight=0.7, alpha=0.3).build(6, 5)
    start = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed))
    loss.centres.copy_(start)

    (gradient,) = torch.autograd.grad(loss(embeddings, labels), embeddings)
    (softmax,) = torch.autograd.grad(F.cross_entropy(loss.classifier(embeddings), labels), embeddings)
    torch.testing.assert_close(gradient - softmax, 0.7 * (embeddings.detach() - start[labels]) / len(labels))

    loss.after_step()
    expected = start.clone()
    for j in range(6):
        members = [x for x, y in zip(embeddings.detach(), labels, strict=True) if y == j]
        change = sum((start[j] - x for x in members), torch.zeros(5)) / (1 + len(members))
        expected[j] = start[j] - 0.3 * change
    torch.testing.assert_close(loss.centres, expected)
    absent = sorted(set(range(6)) - set(labels.tolist()))
    assert torch.equal(loss.centres[absent], start[absent])


def test_micro_batches_and_evaluation_leave_the_centres_as_the_batch_would():
    embeddings, labels = some(4)
    whole, parts = (Center().build(4, 5) for _ in range(2))
    whole(embeddings, labels)
    for some_images in (slice(0, 5), slice(5, 12)):
        parts(embeddings[some_images], labels[some_images])
    parts.eval()(embeddings * 9, labels)
    for loss in (whole, parts):
        loss.after_step()
    torch.testing.assert_close(parts.centres, whole.centres)
    assert whole.centres.abs().sum() > 0


def test_centres_are_kept_but_never_optimized():
    loss = Center().build(4, 5)
    assert {name for name, _ in loss.named_parameters()} == {"classifier.weight", "classifier.bias"}
    assert set(loss.state_dict()) == {"classifier.weight", "classifier.bias", "centres"}


# Angular softmax


def logits_of(loss, embeddings: torch.Tensor, labels: torch.Tensor, annealing: float) -> torch.Tensor:
    """|x| cos t, with the true class by the definition, angle by angle."""
    lengths, logits = embeddings.norm(dim=1), []
    for x, length, y in zip(embeddings, lengths, labels.tolist(), strict=True):
        row = []
        for j, w in enumerate(loss.weight):
            t = torch.acos((x @ w / length / w.norm()).clamp(-1, 1))
            k = int(loss.m * t / math.pi)
            small = (-1) ** k * torch.cos(loss.m * t) - 2 * k
            row.append(length * ((annealing * torch.cos(t) + small) / (1 + annealing) if j == y else torch.cos(t)))
        logits.append(torch.stack(row))
    return torch.stack(logits)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("step", [0, 10, 100_000])
def test_a_softmax_equals_its_closed_form(m, step):
    embeddings, labels = some(m)
    loss = ASoftmax(m=m, base=100.0, floor=2.0).build(4, 5)
    loss.steps.fill_(step)
    annealing = max(2.0, 100 / (1 + 0.12 * step))
    expected = F.cross_entropy(logits_of(loss, embeddings, labels, annealing), labels)
    found = loss(embeddings, labels)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    inputs = (embeddings, loss.weight)
    for gradient, wanted in zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # the library's own
def test_a_softmax_without_annealing_equals_pytorch_metric_learning():
    embeddings, labels = some(7)
    loss = ASoftmax(floor=0.0).build(4, 5)
    loss.base = 0.0
    theirs = SphereFaceLoss(4, 5, margin=4, scale=1)
    with torch.no_grad():
        theirs.W.copy_(loss.weight.T)
    torch.testing.assert_close(loss(embeddings, labels), theirs(embeddings, labels), rtol=1e-4, atol=1e-5)


def test_a_softmax_with_much_annealing_or_m_1_is_modified_softmax():
    embeddings, labels = some(8)
    for choice in (ASoftmax(base=1e9), ASoftmax(m=1), ASoftmax(m=1, floor=0.0, gamma=100.0)):
        loss = choice.build(4, 5)
        cosines = F.normalize(embeddings) @ F.normalize(loss.weight).T
        expected = F.cross_entropy(embeddings.norm(dim=1, keepdim=True) * cosines, labels)
        torch.testing.assert_close(loss(embeddings, labels), expected)


def test_psi_at_known_angles_falls_and_has_finite_slopes():
    cosines = torch.cos(torch.arange(9, dtype=torch.float64) * math.pi / 8)
    torch.testing.assert_close(psi(cosines, 4), torch.tensor([1.0, 0, -1, -2, -3, -4, -5, -6, -7], dtype=torch.float64))
    everywhere = torch.linspace(1, -1, 1001, dtype=torch.float64, requires_grad=True)
    for m in range(1, 9):
        values = psi(everywhere, m)
        assert (values.diff() < 1e-12).all()
        (slopes,) = torch.autograd.grad(values.sum(), everywhere)
        assert slopes.isfinite().all()


def test_losses_are_computed_in_float32_whatever_the_network_is():
    """Angles near 0 lose their digits in half precision: autocast ends before the loss."""
    spec = Spec.model_validate(
        {
            "cnnwiz": 1,
            "task": "embed",
            "model": Model(layers=(Conv(channels=4),), head=EmbeddingHead(features=8)),
            "loss": ASoftmax(),
        }
    )
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 8))
    seen = []

    class Spy(torch.nn.Module):
        def forward(self, outputs, labels):
            seen.append((outputs.dtype, torch.is_autocast_enabled("cpu"), (outputs @ outputs.T).dtype))
            return outputs.square().mean()

    place = Device("cpu", "cpu", "bfloat16", "for this test")
    learned = torch.nn.ModuleDict({"model": network, "loss": Spy()})
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    (part,) = evaluate(learned, learned["loss"], torch.randn(5, 3, 2, 2), torch.zeros(5).long(), spec, place, scaler)
    assert part.scores.dtype == torch.bfloat16
    assert seen == [(torch.float32, False, torch.float32)]


def test_a_softmax_counts_steps_and_has_no_bias():
    loss = ASoftmax().build(4, 5)
    loss.after_step()
    loss.after_step()
    assert loss.steps.item() == 2
    assert [name for name, _ in loss.named_parameters()] == ["weight"]


# Samplers


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=12),
    classes=st.integers(2, 6),
    images=st.integers(2, 5),
    seed=st.integers(0, 9),
)
def test_pk_batches_hold_p_classes_of_k_images(counts, classes, images, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    if len(counts) < classes:
        with pytest.raises(CnnwizError, match="lower its classes"):
            classes_by_images(classes, images, labels, classes * images, seed, 0)
        return
    sample = PK(classes=classes, images=images).build()
    epochs = [sample(labels, classes * images, seed, epoch) for epoch in range(3)]
    assert len({len(batches) for batches in epochs}) == 1
    for batch in itertools.chain(*epochs):
        found, times = np.unique(labels[batch], return_counts=True)
        assert len(found) == classes
        assert (times == images).all()
        for label in found:
            members = batch[labels[batch] == label]
            assert len(set(members)) == min(images, counts[label])
    for batches in epochs:  # nobody comes twice an epoch, but to fill a class that is too small
        large = [index for index in np.concatenate(batches) if counts[labels[index]] >= images]
        assert len(large) == len(set(large))
    again = sample(labels, classes * images, seed, 2)
    assert all(np.array_equal(one, two) for one, two in zip(again, epochs[2], strict=True))


def test_pk_epochs_of_even_classes_show_nearly_everything_in_changing_company():
    labels = np.repeat(np.arange(20), 12)
    sample = PK(classes=5, images=4).build()
    first, second = (sample(labels, 20, 0, epoch) for epoch in range(2))
    assert len(first) == len(labels) // 20
    assert len(set(np.concatenate(first))) == len(labels)
    company = [{tuple(sorted(set(labels[batch]))) for batch in batches} for batches in (first, second)]
    assert len(company[0]) == len(first)
    assert company[0] != company[1]


def test_pk_refuses_another_batch_size():
    with pytest.raises(CnnwizError, match=r"batch_size is 64.*\(32\)"):
        PK(classes=8, images=4).build()(np.repeat(np.arange(8), 8), 64, 0, 0)


def test_shuffle_takes_full_batches_or_one():
    sample = Shuffle().build()
    assert [len(batch) for batch in sample(np.zeros(50), 8, 0, 0)] == [8] * 6
    assert [len(batch) for batch in sample(np.zeros(50), 64, 0, 0)] == [50]


# Verification


@settings(deadline=None, max_examples=60)
@given(
    images=st.integers(3, 40),
    classes=st.integers(2, 5),
    seed=st.integers(0, 1000),
    steps=st.sampled_from([None, 2, 10]),
    rate=st.sampled_from([0.001, 0.01, 0.1, 0.5]),
)
def test_verification_equals_scikit_learn(images, classes, seed, steps, rate):
    """`steps` rounds the scores, so that there are ties."""
    embeddings, labels = some(seed, images, 3, classes)
    same, different = pair_scores(F.normalize(embeddings.detach()), labels)
    if steps:
        same, different = (scores.mul(steps).round() for scores in (same, different))
    if not len(same) or not len(different):
        assert verify(embeddings.detach(), labels)["auc"] is None
        return
    truth = np.concatenate([np.ones(len(same)), np.zeros(len(different))])
    scores = torch.cat([same, different]).numpy()
    assert auc(same, different) == pytest.approx(roc_auc_score(truth, scores), abs=1e-9)
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert true_accepts(same, different, rate) == pytest.approx(true[false <= rate + 1e-12].max())


@pytest.mark.parametrize("seed", range(4))
def test_nearest_neighbours_equal_scikit_learn(seed):
    embeddings, labels = some(seed, 60, 2, 4)
    neighbours = KNeighborsClassifier(1, metric="cosine", algorithm="brute")
    points = embeddings.detach()
    expected = cross_val_score(neighbours, points.numpy(), labels.numpy(), cv=LeaveOneOut()).mean()
    for chunk in (7, 1000):
        assert neighbour_accuracy(F.normalize(points), labels, chunk) == pytest.approx(expected)


def test_verification_of_many_images_takes_whole_classes():
    labels = torch.arange(100).repeat_interleave(30)
    chosen = whole_classes(labels, 2000)
    assert 1900 < len(chosen) <= 2000
    assert set(labels[chosen].bincount().tolist()) <= {0, 30}
    assert torch.equal(chosen, whole_classes(labels, 2000))


def test_perfect_and_useless_embeddings():
    labels = torch.arange(4).repeat_interleave(5)
    perfect = verify(F.one_hot(labels).float(), labels)
    assert perfect == {"accuracy": 1.0, "auc": 1.0, "tar": 1.0, "tar_1e3": 1.0, "knn_accuracy": 1.0}
    useless = verify(torch.ones(20, 3), labels)
    assert (useless["auc"], useless["tar"]) == (0.5, 0.0)
