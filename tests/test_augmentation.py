"""Augmentations: against slicing and torchvision at fixed numbers, and by the distribution of what they draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import kstest
from torch.nn.functional import interpolate

from cnnwiz.catalog.augmentation import AUGMENTATIONS, HorizontalFlip, RandomCrop, RandomResizedCrop, VerticalFlip
from cnnwiz.data.keyed import uniform

LEAST = 1e-4  # probability of a worse fit below which a distribution is called wrong; seeds are fixed


def images(count: int = 6, side: int = 12, channels: int = 3, kind: torch.dtype = torch.uint8) -> torch.Tensor:
    """Random images, channels last in memory as the loader hands them over."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, side, side, channels), generator=generator)
    return pixels.to(kind).permute(0, 3, 1, 2)


def draw(*rows: tuple[float, ...]):
    """A source of numbers that returns these rows, and insists that exactly so many are asked for."""

    def given_numbers(count: int) -> torch.Tensor:
        assert count == len(rows[0])
        return torch.tensor(rows)

    return given_numbers


def keyed(size: int, count: int) -> torch.Tensor:
    return torch.from_numpy(uniform(0, 0, np.arange(size), 0, count)).float()


@given(
    side=st.integers(1, 12),
    padding=st.integers(0, 30),
    fill=st.sampled_from(["zero", "reflect"]),
    numbers=st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), min_size=6, max_size=6),
    kind=st.sampled_from([torch.uint8, torch.float32]),
)
@settings(deadline=None)
def test_random_crop_is_a_slice_of_the_padded_image(side, padding, fill, numbers, kind):
    batch = images(kind=kind)
    found = RandomCrop(padding=padding, fill=fill).apply(batch, draw(*numbers), side)
    assert found.dtype == kind
    margin = ((0, 0), (padding, padding), (padding, padding))
    choices = 12 + 2 * padding - side + 1
    for image, result, (top, left) in zip(batch.numpy(), found.numpy(), numbers, strict=True):
        padded = np.pad(image, margin, mode="constant" if fill == "zero" else "reflect")
        row, column = int(np.float32(top) * np.float32(choices)), int(np.float32(left) * np.float32(choices))
        assert np.array_equal(result, padded[:, row : row + side, column : column + side])


def test_random_crop_reflects_an_image_of_one_pixel():
    found = RandomCrop(padding=3, fill="reflect").apply(images(1, 1), draw((0.5, 0.5)), 5)
    assert torch.equal(found, images(1, 1).expand(1, 3, 5, 5))


def test_random_crop_takes_every_place_equally_often():
    marked = torch.arange(100, dtype=torch.uint8).view(1, 10, 10, 1).expand(9000, 10, 10, 1).permute(0, 3, 1, 2)
    found = RandomCrop(padding=0).apply(marked, lambda count: keyed(9000, count), 8)
    corners, counts = found[:, 0, 0, 0].unique(return_counts=True)
    assert corners.tolist() == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert ((counts - 1000).abs() < 4 * math.sqrt(1000)).all()


@pytest.mark.parametrize(("kind", "axis"), [(HorizontalFlip, 3), (VerticalFlip, 2)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_flips(kind, axis, dtype):
    batch = images(4, kind=dtype)
    numbers = draw((0.1,), (0.6,), (0.49,), (0.5,))
    found = kind().apply(batch, numbers, 12)
    mirrored = batch.flip(axis)
    expected = torch.stack((mirrored[0], batch[1], mirrored[2], batch[3]))
    assert torch.equal(found, expected)
    assert torch.equal(kind(probability=0.0).apply(batch, draw(*[(0.0,)] * 4), 12), batch)
    always = kind(probability=1.0)
    once = always.apply(batch, draw(*[(0.999,)] * 4), 12)
    assert torch.equal(once, mirrored)
    assert torch.equal(always.apply(once, draw(*[(0.0,)] * 4), 12), batch)
    assert torch.equal(batch, images(4, kind=dtype))  # the input is left as it was


def test_flips_happen_as_often_as_asked():
    batch = torch.tensor([0, 1], dtype=torch.uint8).view(1, 1, 2, 1).expand(4000, 1, 2, 1).permute(0, 3, 1, 2)
    flipped = HorizontalFlip(probability=0.3).apply(batch, lambda count: keyed(4000, count), 2)[:, 0, 0, 0]
    assert abs(flipped.float().mean() - 0.3) < 4 * math.sqrt(0.21 / 4000)


def test_resized_crop_of_everything_at_the_same_size_changes_nothing():
    whole = RandomResizedCrop(scale=(1.0, 1.0))
    batch = images()
    assert torch.equal(whole.apply(batch, draw(*[(0.3, 0.7, 0.2, 0.9)] * 6), 12), batch)


@pytest.mark.parametrize("side", [5, 12, 20])
def test_resized_crop_of_everything_is_plain_bilinear_resizing(side):
    whole = RandomResizedCrop(scale=(1.0, 1.0))
    batch = images(kind=torch.float32)
    expected = interpolate(batch, (side, side), mode="bilinear", align_corners=False)
    assert (whole.apply(batch, draw(*[(0.5,) * 4] * 6), side) - expected).abs().max() < 0.01


@pytest.mark.parametrize("left", [0, 2, 5])
def test_resized_crop_of_a_box_agrees_with_torchvision_inside(left):
    from torchvision.transforms.v2.functional import resized_crop

    box = 8  # of 16 pixels: a quarter of the area; at its border torchvision does not look outside
    crop = RandomResizedCrop(scale=(0.25, 0.25), ratio=(1.0, 1.0))
    batch = images(side=16, kind=torch.float32)
    numbers = (0.0, 0.0, (left + 0.0) / 8, 3 / 8)
    found = crop.apply(batch, draw(*[numbers] * 6), 24)
    expected = resized_crop(batch, 3, left, box, box, [24, 24], antialias=False)
    assert (found - expected)[:, :, 2:-2, 2:-2].abs().max() < 0.02


def test_resized_crop_keeps_the_type_and_rounds():
    crop = RandomResizedCrop()
    numbers = keyed(6, 4)
    exact = crop.apply(images(kind=torch.float32), lambda _: numbers, 9)
    rounded = crop.apply(images(), lambda _: numbers, 9)
    assert rounded.dtype == torch.uint8
    assert (rounded - exact).abs().max() <= 0.501
    assert rounded.is_contiguous(memory_format=torch.channels_last)


def test_areas_are_uniform_and_aspects_log_uniform_where_they_fit():
    crop = RandomResizedCrop(scale=(0.2, 0.5), ratio=(0.75, 4 / 3))  # such boxes always fit: 0.5 * 4 / 3 < 1
    left, top, width, height = crop.boxes(keyed(5000, 4)).double().unbind(1)
    assert kstest((width * height - 0.2) / 0.3, "uniform").pvalue > LEAST
    aspect = (width / height).log() / math.log(4 / 3)
    assert kstest((aspect + 1) / 2, "uniform").pvalue > LEAST
    assert kstest(left / (1 - width), "uniform").pvalue > LEAST
    assert kstest(top / (1 - height), "uniform").pvalue > LEAST


@given(
    scale=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(sorted),
    ratio=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)).map(sorted),
    numbers=st.tuples(*[st.floats(0, 1, exclude_max=True, width=32)] * 4),
)
def test_boxes_lie_inside_and_keep_their_area(scale, ratio, numbers):
    crop = RandomResizedCrop(scale=tuple(scale), ratio=tuple(ratio))
    left, top, width, height = crop.boxes(torch.tensor([numbers])).double()[0].tolist()
    assert min(left, top) >= 0
    assert max(left + width, top + height) <= 1 + 1e-6
    area = scale[0] + (scale[1] - scale[0]) * numbers[0]
    assert width * height == pytest.approx(area, rel=1e-4)
    fits = ratio[0] * area <= 1 and area <= ratio[1]
    if fits:
        assert ratio[0] * (1 - 1e-4) <= width / height <= ratio[1] * (1 + 1e-4)


@pytest.mark.parametrize("fields", [{"scale": (0.5, 0.2)}, {"ratio": (2.0, 1.0)}, {"scale": (0.0, 1.0)}])
def test_limits_of_the_resized_crop(fields):
    with pytest.raises(ValidationError):
        RandomResizedCrop(**fields)


def test_only_crops_change_the_size():
    for kind in AUGMENTATIONS:
        found = kind().apply(images(), lambda count: keyed(6, count), 10)
        assert found.shape == (6, 3, 10, 10) if kind.crops else (6, 3, 12, 12)
        assert found.dtype == torch.uint8
