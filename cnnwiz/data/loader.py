"""Batches: ordered, augmented, cropped, normalized. What one holds depends on seed, epoch and indices only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cnnwiz.catalog.mixing import Mixing
from cnnwiz.data.keyed import uniform
from cnnwiz.data.sampling import shuffled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cnnwiz.catalog.augmentation import Augmentation, Draw
    from cnnwiz.data.pixels import Pixels
    from cnnwiz.data.sampling import Sample


class Batch(NamedTuple):
    """Images float32 (B, C, H, W), normalized, channels last in memory; labels and indices int64 (B,).

    Behind mixup or cutmix labels are the probabilities of the classes instead, float32 (B, K); of images with boxes
    these and their classes, float32 (B, M, 5).
    """

    images: Tensor
    labels: Tensor
    indices: Tensor


def train_batches(
    pixels: Pixels,
    augment: Sequence[Augmentation],
    image_size: int,
    preprocessing: dict[str, Any],
    batch_size: int,
    seed: int,
    epoch: int,
    first_batch: int = 0,
    device: str | torch.device = "cpu",
    sample: Sample = shuffled,
    classes: int | None = None,
    share: Callable[[int], slice] | None = None,
) -> Iterator[Batch]:
    """The batches of one epoch from `first_batch` on, augmented: the same whenever and however often one asks.

    `classes` is the length of mixed labels; by default up to the largest label. Images smaller than those of
    `preprocessing` are cut from canvases that are smaller by as much. `share` says which part of a batch of so many
    images is wanted; only where images are mixed with each other are the others read, too.
    """
    groups = sample(pixels.labels, batch_size, seed, epoch)[first_batch:]
    mixes = any(isinstance(step, Mixing) for step in augment)
    if share and not mixes:
        groups = [group[share(len(group))] for group in groups]
    crops = any(step.crops for step in augment)
    canvas = round(pixels.side * image_size / preprocessing["image_size"])
    for group, canvases in zip(groups, _canvases(pixels, groups, device), strict=True):
        images = resized(canvases.permute(0, 3, 1, 2), canvas)
        if not crops:
            images = centre_crop(images, image_size)
        labels, indices = _on(device, pixels.targets[group], group)
        for number, step in enumerate(augment):
            draw = partial(_draw, seed, indices=group, step=number, device=device)
            if isinstance(step, Mixing):
                images, labels = step.mix(
                    images, _probabilities(labels, classes or pixels.labels.max() + 1), draw(epoch)
                )
            else:
                images = step.apply_in(epoch, images, draw, image_size)
                labels = step.move_in(epoch, labels, draw) if pixels.split.boxes is not None else labels
        if share and mixes:
            part = share(len(group))
            images, labels, indices = images[part], labels[part], indices[part]
        yield Batch(normalize(images, preprocessing), labels, indices)


def eval_batches(
    pixels: Pixels,
    preprocessing: dict[str, Any],
    batch_size: int,
    device: str | torch.device = "cpu",
    first: int = 0,
    every: int = 1,
) -> Iterator[Batch]:
    """All images in order, each as prediction sees it; the last batch may be smaller. Of all batches those from `first`
    on, `every` so many."""
    groups = [np.arange(start, min(start + batch_size, len(pixels))) for start in range(0, len(pixels), batch_size)]
    groups = groups[first::every]
    for group, canvases in zip(groups, _canvases(pixels, groups, device), strict=True):
        yield Batch(preprocess(canvases, preprocessing, device), *_on(device, pixels.targets[group], group))


def preprocess(
    canvases: np.ndarray | Tensor, preprocessing: dict[str, Any], device: str | torch.device = "cpu"
) -> Tensor:
    """Canvases uint8 (B, S, S, C) as the network's input: centre of `image_size`, normalized, float32 (B, C, H, W)."""
    images = torch.as_tensor(canvases).to(device, non_blocking=True).permute(0, 3, 1, 2)
    return normalize(centre_crop(images, preprocessing["image_size"]), preprocessing)


def centre_crop(images: Tensor, side: int) -> Tensor:
    """The middle (B, C, side, side) of (B, C, S, S); an odd margin leaves its extra pixel at the bottom and right."""
    start = (images.shape[2] - side) // 2
    return images[:, :, start : start + side, start : start + side]


def resized(images: Tensor, side: int) -> Tensor:
    """Canvases uint8 (B, C, S, S) as (B, C, side, side), bilinear with antialias; those of that side as they are."""
    if images.shape[-1] == side:
        return images
    exact = images if images.device.type == "cpu" else images.float()  # only the CPU's kernel takes bytes
    made = torch.nn.functional.interpolate(exact, (side, side), mode="bilinear", antialias=True)
    return made if exact is images else made.round_().clamp_(0, 255).to(torch.uint8)


def normalize(images: Tensor, preprocessing: dict[str, Any]) -> Tensor:
    """Values of 0 to 255, (B, C, H, W), as (value / 255 - mean) / std in float32, channels last in memory."""
    size, channels, height, width = images.shape
    pairs = list(zip(preprocessing["mean"], preprocessing["std"], strict=True))
    pixels = height * width  # whole images as rows: three numbers at a time would be slow
    scale = torch.tensor([1 / (255 * std) for _, std in pairs], device=images.device).repeat(pixels)
    shift = torch.tensor([-mean / std for mean, std in pairs], device=images.device).repeat(pixels)
    rows = images.permute(0, 2, 3, 1).reshape(size, -1).float()
    return torch.addcmul(shift, rows, scale).view(size, height, width, channels).permute(0, 3, 1, 2)


def _canvases(pixels: Pixels, groups: Sequence[np.ndarray], device: str | torch.device) -> Iterator[Tensor]:
    """The canvases of each group, uint8 (B, S, S, C) on the device: indexed there where they lie there."""
    if pixels.resident is not None and pixels.resident.device.type == torch.device(device).type:
        for group in groups:
            yield pixels.resident.index_select(0, torch.from_numpy(group).to(pixels.resident.device))
        return
    for canvases in pixels.batches(groups):
        yield torch.from_numpy(canvases).to(device, non_blocking=True)


def _probabilities(labels: Tensor, classes: int) -> Tensor:
    """Class numbers (B,) as probabilities (B, classes): 1 for the class. Probabilities as they are."""
    return labels if labels.ndim == 2 else torch.nn.functional.one_hot(labels, classes).float()


def _draw(seed: int, epoch: int, indices: np.ndarray, step: int, device: str | torch.device) -> Draw:
    """The random numbers of one augmentation: 24 bits, so that float32 never rounds them up to 1."""

    def draw(count: int) -> Tensor:
        numbers = np.floor(uniform(seed, epoch, indices, step, count) * 2**24) * 2.0**-24
        return torch.from_numpy(numbers.astype(np.float32)).to(device)

    return draw


def _on(device: str | torch.device, *arrays: np.ndarray) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(array).to(device, non_blocking=True) for array in arrays)
