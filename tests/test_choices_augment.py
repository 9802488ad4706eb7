"""Augmentations that distort and mix: against torchvision and Pillow, by identities and distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from pydantic import ValidationError
from scipy.stats import beta, kstest, norm
from torchvision.transforms.v2 import InterpolationMode, RandAugment, TrivialAugmentWide, functional

from cnnwiz.catalog.augmentation import AlternatingFlip, Augmentation, HorizontalFlip
from cnnwiz.catalog.distortion import (
    DISTORTIONS,
    EIGENVECTORS,
    ColorJitter,
    PcaLighting,
    RandomErasing,
    Rotation,
)
from cnnwiz.catalog.distortion import RandAugment as OurRandAugment
from cnnwiz.catalog.distortion import TrivialAugment as OurTrivialAugment
from cnnwiz.catalog.mixing import MIXINGS, Cutmix, Mixing, Mixup
from cnnwiz.data import distort, policy
from cnnwiz.data.keyed import uniform
from cnnwiz.data.loader import train_batches
from cnnwiz.data.pixels import Pixels
from cnnwiz.data.records import Split

LEAST = 1e-4  # probability of a worse fit below which a distribution is called wrong; seeds are fixed
BILINEAR = InterpolationMode.BILINEAR


def images(count: int = 6, side: int = 12, channels: int = 3, kind: torch.dtype = torch.uint8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, side, side, channels), generator=generator)
    return pixels.to(kind).permute(0, 3, 1, 2)


def keyed(size: int, count: int) -> torch.Tensor:
    numbers = np.floor(uniform(0, 0, np.arange(size), 0, count) * 2**24) / 2**24
    return torch.from_numpy(numbers).float()


def change(step: Augmentation, batch: torch.Tensor) -> torch.Tensor:
    return step.apply(batch, lambda count: keyed(len(batch), count), batch.shape[2])


IDLE = [
    Rotation(degrees=0.0),
    ColorJitter(brightness=0.0, contrast=0.0, saturation=0.0),
    PcaLighting(std=0.0),
    RandomErasing(probability=0.0),
    OurRandAugment(operations=0),
    Mixup(probability=0.0),
    Cutmix(probability=0.0),
]


@pytest.mark.parametrize("step", IDLE, ids=lambda step: step.key)
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_no_strength_is_no_change(step, kind):
    batch = images(kind=kind)
    assert (change(step, batch) - batch).abs().max() < (1e-3 if kind.is_floating_point else 1)


@pytest.mark.parametrize("kind", [*DISTORTIONS, AlternatingFlip], ids=lambda kind: kind.key)
def test_what_an_image_becomes_does_not_depend_on_the_others(kind):
    batch = images(40)
    together, numbers = change(kind(), batch), []
    assert together.dtype == torch.uint8
    assert together.is_contiguous(memory_format=torch.channels_last)
    assert (together != batch).any()
    for place in (0, 7, 39):
        kind().apply(batch[:1], lambda count: numbers.append(count) or torch.zeros(1, count), 12)
        rows = keyed(40, numbers[-1])
        alone = kind().apply(batch[place : place + 1], lambda count, rows=rows, i=place: rows[i : i + 1], 12)
        assert (alone[0].int() - together[place].int()).abs().max() <= 1  # sums may round differently
    grey = images(4, channels=1)
    if kind is not PcaLighting:
        assert change(kind(), grey).shape == grey.shape


@pytest.mark.parametrize("degrees", [0.0, 17.0, -60.0, 135.0])
@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_rotation_is_torchvisions(degrees, fill):
    batch = images(2, 13, kind=torch.float32)
    number = torch.tensor([[(degrees / 180 + 1) / 2]] * 2)
    found = Rotation(degrees=180.0, fill=fill).apply(batch, lambda count: number, 13)
    for image, result in zip(batch, found, strict=True):
        # torchvision's own fill counts pixels on the edge twice
        outside = 0 if fill == "zero" else image.mean((1, 2))[:, None, None]
        assert (functional.rotate(image - outside, degrees, BILINEAR) + outside - result).abs().max() < 0.05


@pytest.mark.parametrize("amount", [0.0, 0.3, -0.7, 2.5])
@pytest.mark.parametrize("axis", [0, 1])
def test_shears_and_shifts_are_torchvisions(amount, axis):
    batch = images(3, 11, kind=torch.float32)
    slope = [math.degrees(math.atan(amount)) if axis == i else 0.0 for i in (0, 1)]
    expected = functional.affine(batch, 0.0, [0, 0], 1.0, slope, BILINEAR, center=[0.0, 0.0])
    amounts = torch.full((3,), amount)
    assert (distort.shear(batch, amounts, axis, "zero") - expected).abs().max() < 0.05
    moved = [3 * (axis == 0), 3 * (axis == 1)]
    expected = functional.affine(batch, 0.0, moved, 1.0, [0.0, 0.0], BILINEAR)
    assert (distort.translate(batch, torch.full((3,), 3.0), axis, "zero") - expected).abs().max() < 0.05


@pytest.mark.parametrize(
    ("ours", "theirs", "amounts"),
    [
        (distort.brightness, functional.adjust_brightness, (0.0, 0.6, 1.0, 1.7)),
        (distort.contrast, functional.adjust_contrast, (0.0, 0.6, 1.0, 1.7)),
        (distort.saturation, functional.adjust_saturation, (0.0, 0.6, 1.0, 1.7)),
        (distort.sharpness, functional.adjust_sharpness, (0.0, 0.6, 1.0, 1.9)),
        (distort.hue, functional.adjust_hue, (-0.5, -0.2, 0.0, 0.3)),
    ],
)
def test_tones_are_torchvisions(ours, theirs, amounts):
    batch = images(len(amounts), kind=torch.float32)
    found = ours(batch, torch.tensor(amounts)) / 255
    for image, amount, result in zip(batch / 255, amounts, found, strict=True):
        assert (theirs(image, amount) - result).abs().max() < 1e-3  # torchvision's luma has four digits


def test_operations_on_whole_numbers_are_torchvisions_and_pillows():
    batch = (images(5, 16) // 3 + 40).to(torch.uint8)  # leaves room at both ends
    batch[3] = 77  # one value only
    batch[4, :, :8] = 90
    bits, thresholds = (1, 3, 4, 7, 8), (0.0, 60.0, 100.0, 200.0, 255.0)
    x = batch.float()
    posterized, solarized = distort.posterize(x, torch.tensor(bits)), distort.solarize(x, torch.tensor(thresholds))
    for i, image in enumerate(batch):
        assert torch.equal(posterized[i].byte(), functional.posterize(image, bits[i]))
        assert torch.equal(solarized[i].byte(), functional.solarize(image, thresholds[i]))
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        evened = np.asarray(ImageOps.equalize(picture))
        assert np.array_equal(distort.equalize(x)[i].permute(1, 2, 0).byte().numpy(), evened)
        stretched = np.asarray(ImageOps.autocontrast(picture)).astype(float)
        assert np.abs(distort.autocontrast(x)[i].permute(1, 2, 0).numpy() - stretched).max() < 1.001  # Pillow cuts off


def test_jitter_draws_its_factors_uniformly_for_each_image():
    flat = torch.full((3000, 3, 1, 1), 100.0)
    found = change(ColorJitter(brightness=0.5, contrast=0.0, saturation=0.0), flat)[:, 0, 0, 0].double() / 100
    assert kstest(found - 0.5, "uniform").pvalue > LEAST
    grey = change(ColorJitter(brightness=0.0, contrast=0.0, saturation=1.0, hue=0.5), images())
    assert not torch.equal(grey, images())


def test_lighting_is_a_normal_amount_along_each_component():
    components = torch.tensor(EIGENVECTORS)
    assert (components @ components.T - torch.eye(3)).abs().max() < 1e-3
    flat = torch.full((4000, 3, 1, 1), 127.0)
    shift = (change(PcaLighting(std=0.2), flat) - flat)[:, :, 0, 0] / 255
    for component, eigenvalue in zip(components, (0.2175, 0.0188, 0.0045), strict=True):
        amounts = (shift @ component) / (0.2 * eigenvalue)
        assert kstest(amounts.double().clamp(-8, 8), norm(scale=1.0).cdf).pvalue > LEAST


@pytest.mark.parametrize("fill", ["zero", "mean", "noise"])
def test_erasing_takes_a_share_of_the_area_and_leaves_the_rest(fill):
    batch = torch.full((600, 2, 40, 40), 200.0)
    batch[:, 1] = 100.0
    batch = batch[:, :1].expand(-1, 3, -1, -1).contiguous()
    step = RandomErasing(probability=0.5, scale=(0.1, 0.3), fill="zero")
    changed = (change(step, batch) != batch).any(1)
    share = changed.float().mean((1, 2))
    some = share > 0
    assert abs(some.float().mean() - 0.5) < 4 * math.sqrt(0.25 / 600)
    assert share[some].min() > 0.1 - 0.06  # one row or column more or less
    assert share[some].max() < 0.3 + 0.06
    assert kstest((share[some].double() - 0.1) / 0.2, "uniform").pvalue > LEAST
    rows, columns = changed.any(2).sum(1), changed.any(1).sum(1)
    assert torch.equal(changed.sum((1, 2)), rows * columns)  # a full rectangle
    whole = images(8)
    always = RandomErasing(probability=1.0, fill=fill, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    found = change(always, whole).float()
    if fill == "noise":
        assert kstest(found.flatten().double() / 256, "uniform").pvalue > LEAST
    else:
        expected = whole.float().mean((2, 3), keepdim=True) * (fill == "mean")
        assert (found - expected).abs().max() <= 0.501


def test_limits_of_the_erased_area_are_ordered():
    with pytest.raises(ValidationError):
        RandomErasing(scale=(0.5, 0.2))


POLICIES = [
    (policy.NARROW, RandAugment(num_magnitude_bins=31)._AUGMENTATION_SPACE),
    (policy.WIDE, TrivialAugmentWide(num_magnitude_bins=31)._AUGMENTATION_SPACE),
]
NAMES = {
    "ShearX": "shear_x",
    "ShearY": "shear_y",
    "TranslateX": "translate_x",
    "TranslateY": "translate_y",
    "Rotate": "rotate",
    "Brightness": "brightness",
    "Color": "color",
    "Contrast": "contrast",
    "Sharpness": "sharpness",
    "Posterize": "posterize",
    "Solarize": "solarize",
    "AutoContrast": "autocontrast",
    "Equalize": "equalize",
    "Identity": "identity",
}


@pytest.mark.parametrize(("most", "space"), POLICIES, ids=["rand", "trivial"])
@pytest.mark.parametrize("number", [0, 9, 30])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_policies_have_torchvisions_operations_at_its_strengths(most, space, number, sign):
    assert {NAMES[name] for name in space} == set(policy.OPERATIONS)
    batch = images(2, 48)
    transform = RandAugment(interpolation=BILINEAR)
    for name, (magnitudes, signed) in space.items():
        table = magnitudes(31, 48, 48)
        amount = 0.0 if table is None else float(table[number])
        amount = amount * sign if signed else amount
        level = torch.full((2,), number / 30)
        found = policy.OPERATIONS[NAMES[name]](batch.float(), level, torch.full((2,), sign), most, "zero")
        source = batch.float() / 255 if name != "Equalize" else batch
        if name == "Solarize":
            amount = amount / 255 if amount > 1 else amount
        if "Translate" in name:  # torchvision moves by whole pixels
            moved = [amount * (name == "TranslateX"), amount * (name == "TranslateY")]
            expected = functional.affine(source, 0.0, moved, 1.0, [0.0, 0.0], BILINEAR)
        else:
            expected = transform._apply_image_or_video_transform(source, name, amount, BILINEAR, {torch.Tensor: None})
        assert isinstance(expected, torch.Tensor)
        scaled = expected.float() * (1 if name == "Equalize" else 255)
        assert (found - scaled).abs().max() < 1.1, name


@pytest.mark.parametrize("step", [OurRandAugment(operations=1), OurTrivialAugment()], ids=lambda step: step.key)
def test_each_image_gets_exactly_one_operation_and_all_are_drawn_equally_often(step):
    numbers = keyed(2800, 3)
    which = (numbers[:, 0] * 14).long()
    assert ((which.bincount(minlength=14) - 200).abs() < 4 * math.sqrt(200)).all()
    batch = images(40)
    most = policy.NARROW if step.key == "rand_augment" else policy.WIDE
    level = torch.full((40,), 9 / 30) if most is policy.NARROW else (keyed(40, 3)[:, 2] * 31).floor() / 30
    found = change(step, batch)
    rows = keyed(40, 3 if most is policy.WIDE else 2)
    for i, operation in enumerate((rows[:, 0] * 14).long().tolist()):
        sign = -1.0 if rows[i, 1] < 0.5 else 1.0
        one = list(policy.OPERATIONS.values())[operation]
        expected = one(batch[i : i + 1].float(), level[i : i + 1], torch.tensor([sign]), most, "mean")
        assert (found[i].float() - expected[0].clamp(0, 255)).abs().max() <= 1


def loaded(augment: list[Augmentation], epoch: int = 0, batch_size: int = 10, first: int = 0, classes: int | None = 7):
    rows = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype=np.uint8)
    labels = np.arange(30, dtype=np.int64) % 7
    pixels = Pixels(Split(labels, tuple(map(str, range(30))), pixels=rows), 8, 3, held=rows)
    plain = {"channels": 3, "canvas": 8, "image_size": 8, "mean": [0.0] * 3, "std": [1.0] * 3}
    batches = list(train_batches(pixels, augment, 8, plain, batch_size, 0, epoch, first, classes=classes))
    return batches, {int(i): image for batch in batches for i, image in zip(batch.indices, batch.images, strict=True)}


def test_alternating_flips_begin_like_random_ones_and_then_alternate():
    first, second, third = (loaded([AlternatingFlip()], epoch)[1] for epoch in range(3))
    random = loaded([HorizontalFlip()])[1]
    assert all(torch.equal(random[i], image) for i, image in first.items())
    assert all(torch.equal(second[i], image.flip(2)) for i, image in first.items())
    assert all(torch.equal(third[i], image) for i, image in first.items())
    assert torch.equal(loaded([AlternatingFlip()], 1, 5)[1][3], second[3])


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.7, 1.0])
def test_shares_follow_the_beta_distribution(alpha):
    shares = Mixup(alpha=alpha).own_share(keyed(4000, 49)).double()
    assert shares.min() >= 0
    assert shares.max() <= 1
    # Compared between 0.01 and 0.99: float32 cannot tell the outermost values of small alpha from 0 and 1.
    inner = shares[(shares > 0.01) & (shares < 0.99)]
    low, high = beta(alpha, alpha).cdf([0.01, 0.99])
    assert abs(len(inner) / 4000 - (high - low)) < 4 * math.sqrt(0.25 / 4000)
    assert kstest((beta(alpha, alpha).cdf(inner) - low) / (high - low), "uniform").pvalue > LEAST
    assert ((Mixup(alpha=alpha, probability=0.25).own_share(keyed(4000, 49)) == 1).float().mean() > 0.7).item()


@pytest.mark.parametrize("kind", MIXINGS, ids=lambda kind: kind.key)
def test_mixed_labels_are_probabilities_of_at_most_two_classes(kind: type[Mixing]):
    batches, _ = loaded([kind()])
    for batch in batches:
        assert batch.labels.shape == (10, 7)
        assert (batch.labels.sum(1) - 1).abs().max() < 1e-6
        assert ((batch.labels > 0).sum(1) <= 2).all()
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(loaded([kind()], first=2)[0][0].labels, batches[2].labels)  # a resumed epoch
    assert loaded([kind()], classes=9)[0][0].labels.shape == (10, 9)
    both = loaded([Mixup(), Cutmix()])[0][0].labels
    assert (both.sum(1) - 1).abs().max() < 1e-6


def test_mixup_mixes_images_as_it_mixes_labels():
    batch, targets = images(8, kind=torch.float32), torch.eye(8)
    mixed, labels = Mixup(alpha=1.0).mix(batch, targets, lambda count: keyed(8, count))
    own = labels.diagonal()[:, None, None, None]
    assert (mixed - (own * batch + (1 - own) * batch.roll(1, 0))).abs().max() < 1e-3
    assert len(set(own.flatten().tolist())) == 8  # each its own share
    partners = labels.roll(-1, 0).diagonal()
    assert (partners.roll(1, 0) + own.flatten() - 1).abs().max() < 1e-6
    rounded, _ = Mixup(alpha=1.0).mix(images(8), targets, lambda count: keyed(8, count))
    assert (rounded - mixed).abs().max() <= 0.501


def test_cutmix_weighs_labels_by_the_pixels_that_are_left():
    count = 500
    constant = torch.arange(count)[:, None, None, None].expand(-1, 3, 17, 23).float()
    targets = torch.eye(count)
    mixed, labels = Cutmix().mix(constant, targets, lambda numbers: keyed(count, numbers))
    kept = mixed == constant
    assert torch.equal(kept | (mixed == constant.roll(1, 0)), torch.ones_like(kept))
    assert (kept[:, 0].float().mean((1, 2)) - labels.diagonal()).abs().max() < 1e-6
    pasted = ~kept[:, 0]
    assert torch.equal(pasted.sum((1, 2)), pasted.any(2).sum(1) * pasted.any(1).sum(1))  # a full rectangle
    # Unclipped boxes have the area 1 - lambda, lambda being uniform; the sides are cut off to whole pixels.
    lam = Cutmix().own_share(keyed(count, 51)[:, 2:])
    inside = ~(pasted[:, 0].any(1) | pasted[:, -1].any(1) | pasted[:, :, 0].any(1) | pasted[:, :, -1].any(1))
    expected = ((1 - lam).sqrt() * 17 / 2).floor() * 2 * (((1 - lam).sqrt() * 23 / 2).floor() * 2)
    assert torch.equal(pasted.sum((1, 2))[inside], expected[inside].long())
