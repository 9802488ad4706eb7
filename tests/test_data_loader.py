"""Batches: each is a function of seed, epoch and position; normalized in closed form; the same on every path."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnwiz.catalog.augmentation import (
    AUGMENTATIONS,
    AlternatingFlip,
    HorizontalFlip,
    RandomCrop,
    RandomResizedCrop,
    VerticalFlip,
)
from cnnwiz.data.keyed import permutation, uniform
from cnnwiz.data.loader import centre_crop, eval_batches, normalize, preprocess, train_batches
from cnnwiz.data.pixels import Pixels
from cnnwiz.data.records import Split

GENERATOR = np.random.default_rng(0)
PREPROCESSING = {"channels": 3, "canvas": 10, "image_size": 8, "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.2, 0.1]}
MANY = [RandomCrop(), HorizontalFlip(), VerticalFlip(), RandomResizedCrop()]


def pixels(count: int = 50, side: int = 10, channels: int = 3) -> Pixels:
    images = GENERATOR.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int64) % 7
    return Pixels(Split(labels, tuple(map(str, range(count))), pixels=images), side, channels, held=images)


SOME = pixels()


def batches(augment, batch_size=8, seed=0, epoch=0, first=0, of=SOME):
    return list(train_batches(of, augment, 8, PREPROCESSING, batch_size, seed, epoch, first))


def expected(canvases: np.ndarray) -> np.ndarray:
    """Normalized by the formula, in float64, channels first."""
    values = (canvases / 255 - PREPROCESSING["mean"]) / PREPROCESSING["std"]
    return values.transpose(0, 3, 1, 2)


def test_without_augmentation_a_batch_is_the_centre_of_its_canvases():
    assert SOME.held is not None
    order = permutation(3, 5, 50)
    found = batches([], seed=3, epoch=5)
    assert len(found) == 6
    for number, batch in enumerate(found):
        indices = order[number * 8 : number * 8 + 8]
        assert np.array_equal(batch.indices, indices)
        assert np.array_equal(batch.labels, indices % 7)
        assert np.abs(batch.images.numpy() - expected(SOME.held[indices, 1:9, 1:9])).max() < 1e-5
        assert batch.images.dtype == torch.float32
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        assert batch.labels.dtype == batch.indices.dtype == torch.int64


def by_index(found) -> dict[int, torch.Tensor]:
    return {int(index): image for batch in found for index, image in zip(batch.indices, batch.images, strict=True)}


@pytest.mark.parametrize("augment", [[], MANY], ids=["plain", "augmented"])
@pytest.mark.parametrize("batch_size", [1, 5, 49])
def test_an_image_is_augmented_alike_in_any_batch(augment, batch_size):
    one, other = by_index(batches(augment, 50)), by_index(batches(augment, batch_size))
    assert all(torch.equal(image, one[index]) for index, image in other.items())


@given(first=st.integers(0, 8), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_going_on_in_the_middle_of_an_epoch(first, seed, epoch):
    whole, rest = batches(MANY, seed=seed, epoch=epoch), batches(MANY, seed=seed, epoch=epoch, first=first)
    assert len(rest) == max(6 - first, 0)
    for one, other in zip(whole[first:], rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_global_generators_play_no_part():
    before = torch.get_rng_state()
    one = batches(MANY)
    torch.manual_seed(17)
    assert torch.equal(batches(MANY)[0].images, one[0].images)
    torch.set_rng_state(before)
    batches(MANY)
    assert torch.equal(torch.get_rng_state(), before)


def test_epochs_and_seeds_differ_and_leave_out_different_images():
    left_out = [set(range(50)) - set(by_index(batches([], epoch=epoch))) for epoch in range(4)]
    assert [len(missing) for missing in left_out] == [2] * 4
    assert len({frozenset(missing) for missing in left_out}) > 1
    first = by_index(batches(MANY, 50))
    for other in (by_index(batches(MANY, 50, epoch=1)), by_index(batches(MANY, 50, seed=1))):
        assert np.mean([torch.equal(image, other[index]) for index, image in first.items()]) < 0.1


def test_the_same_augmentation_twice_draws_twice():
    flip = HorizontalFlip()
    twice, once = batches([flip, flip], 50), batches([flip], 50)
    plain = batches([], 50)[0].images
    differ = [not torch.equal(a, b) for a, b in zip(twice[0].images, once[0].images, strict=True)]
    assert 0.2 < np.mean(differ) < 0.8
    assert all(
        torch.equal(image, whole) or torch.equal(image, whole.flip(2))
        for image, whole in zip(twice[0].images, plain, strict=True)
    )


def test_fewer_images_than_a_batch_make_one_batch():
    found = batches(MANY, 64)
    assert len(found) == 1
    assert sorted(found[0].indices.tolist()) == list(range(50))


def test_canvases_decoded_on_the_way_give_the_same_batches():
    streamed = dataclasses.replace(SOME, held=None)
    for one, other in zip(batches(MANY), batches(MANY, of=streamed), strict=True):
        assert torch.equal(one.images, other.images)


def test_evaluation_sees_all_images_in_order():
    assert SOME.held is not None
    found = list(eval_batches(SOME, PREPROCESSING, 16))
    assert [len(batch.labels) for batch in found] == [16, 16, 16, 2]
    assert torch.cat([batch.indices for batch in found]).tolist() == list(range(50))
    images = torch.cat([batch.images for batch in found])
    assert np.abs(images.numpy() - expected(SOME.held[:, 1:9, 1:9])).max() < 1e-5
    assert torch.equal(images, preprocess(SOME.held, PREPROCESSING))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_normalizing_in_closed_form(channels, kind):
    preprocessing = {"mean": [0.1, 0.2, 0.3][:channels], "std": [0.5, 0.6, 0.7][:channels]}
    images = torch.from_numpy(pixels(4, 6, channels).split.pixels).permute(0, 3, 1, 2).to(kind)
    mean, std = (np.array(preprocessing[name])[:, None, None] for name in ("mean", "std"))
    found = normalize(images, preprocessing)
    assert np.abs(found.numpy() - (images.numpy() / 255 - mean) / std).max() < 1e-6
    assert torch.equal(normalize(images.contiguous(), preprocessing), found)
    assert torch.equal(normalize(images[:, :, 1:4, 2:5], preprocessing), found[:, :, 1:4, 2:5])


@pytest.mark.parametrize(("side", "wanted", "start"), [(10, 8, 1), (9, 8, 0), (8, 8, 0), (11, 4, 3)])
def test_centre(side, wanted, start):
    image = torch.arange(side * side).view(1, 1, side, side)
    stop = start + wanted
    assert torch.equal(centre_crop(image, wanted), image[:, :, start:stop, start:stop])


@pytest.mark.parametrize("kind", AUGMENTATIONS, ids=lambda kind: kind.key)
def test_every_augmentation_fits_into_a_list(kind):
    found = batches([kind()])
    assert found[0].images.shape == (8, 3, 8, 8)
    assert found[0].images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("augment", [[], MANY, [RandomCrop(fill="reflect")]], ids=["plain", "many", "reflect"])
def test_all_work_is_done_on_the_device_asked_for(augment):
    # a tensor left on the CPU would not go together with one on the meta device
    found = next(train_batches(SOME, augment, 8, PREPROCESSING, 8, 0, 0, device="meta"))
    assert {tensor.device.type for tensor in found} == {"meta"}
    assert found.images.shape == (8, 3, 8, 8)
    assert next(eval_batches(SOME, PREPROCESSING, 8, "meta")).images.device.type == "meta"


def one_by_one(index: int, seed: int, epoch: int) -> np.ndarray:
    """What alternating_flip and then random_crop with padding 2 mean for one image, by loops over its pixels."""
    assert SOME.held is not None
    canvas = SOME.held[index]
    flipped = (_number(seed, 0, index, 0, 0) < 0.5) != bool(epoch % 2)
    side, padding, wanted = canvas.shape[0], 2, 8
    choices = side + 2 * padding - wanted + 1
    top, left = (int(_number(seed, epoch, index, 1, place) * choices) for place in (0, 1))
    result = np.empty((wanted, wanted, 3))
    for y in range(wanted):
        for x in range(wanted):
            row, column = (abs(at - padding) for at in (top + y, left + x))
            row, column = (min(at, 2 * (side - 1) - at) for at in (row, column))
            column = side - 1 - column if flipped else column
            for channel in range(3):
                value = int(canvas[row, column, channel]) / 255
                result[y, x, channel] = (value - PREPROCESSING["mean"][channel]) / PREPROCESSING["std"][channel]
    return result.transpose(2, 0, 1)


def _number(seed: int, epoch: int, index: int, step: int, place: int) -> np.float32:
    """The random number at `place` of a step: 24 bits of the image's own hash."""
    exact = uniform(seed, epoch, np.array([index]), step, place + 1)[0, place]
    return np.float32(int(exact * 2**24) / 2**24)


@given(seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 9), batch_size=st.integers(1, 50))
@settings(max_examples=10, deadline=None)
def test_batches_are_what_each_image_by_itself_would_be(seed, epoch, batch_size):
    augment = [AlternatingFlip(), RandomCrop(padding=2, fill="reflect")]
    found = next(iter(train_batches(SOME, augment, 8, PREPROCESSING, batch_size, seed, epoch)))
    for image, index in zip(found.images.numpy(), found.indices.tolist(), strict=True):
        np.testing.assert_allclose(image, one_by_one(index, seed, epoch), atol=1e-5)
