"""Changes of image batches, each image by its own amount. Images are float (B, C, H, W) of 0..255, amounts (B,)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnwiz.nn.input import LUMA, hsv

WHITE = 255.0


def like(changed: Tensor, images: Tensor) -> Tensor:
    """Float images in the type of those they were made of (rounded where that is uint8), channels last in memory."""
    changed = changed.clamp(0, WHITE)
    changed = changed if images.is_floating_point() else changed + 0.5  # rounds, as the conversion cuts off
    return changed.to(images.dtype, memory_format=torch.channels_last)


def grey(x: Tensor) -> Tensor:
    """(B, 1, H, W): luma of RGB images, grey ones as they are."""
    return x if x.shape[1] == 1 else (x * x.new_tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)


def blend(x: Tensor, other: Tensor | float, share: Tensor) -> Tensor:
    """share * x + (1 - share) * other, kept within 0..255; shares above 1 lead away from `other`."""
    share = share.view(-1, 1, 1, 1)
    return (share * x + (1 - share) * other).clamp(0, WHITE)


def brightness(x: Tensor, factor: Tensor) -> Tensor:
    return blend(x, 0.0, factor)


def contrast(x: Tensor, factor: Tensor) -> Tensor:
    return blend(x, grey(x).mean((1, 2, 3), keepdim=True), factor)


def saturation(x: Tensor, factor: Tensor) -> Tensor:
    return blend(x, grey(x), factor)


def sharpness(x: Tensor, factor: Tensor) -> Tensor:
    """Away from, or towards, a mean over 3x3 in which the middle counts five times; the outermost pixels stay."""
    if min(x.shape[2:]) < 3:
        return x
    kernel = x.new_tensor([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    smooth = x.clone()
    smooth[:, :, 1:-1, 1:-1] = F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3), groups=x.shape[1])
    return blend(x, smooth, factor)


def hue(x: Tensor, turn: Tensor) -> Tensor:
    """The hue moved by `turn` times the full circle; grey images as they are."""
    if x.shape[1] == 1:
        return x
    angle, saturated, value = hsv(x / WHITE).unbind(1)
    sixth = (angle + turn.view(-1, 1, 1)) * 6
    away = ((sixth + start) % 6 for start in (5, 3, 1))  # of red, green and blue from their places on the circle
    channels = [value - value * saturated * torch.minimum(k, 4 - k).clamp(0, 1) for k in away]
    return torch.stack(channels, 1) * WHITE


def posterize(x: Tensor, bits: Tensor) -> Tensor:
    """Only the highest `bits` of 8 bits."""
    step = (2 ** (8 - bits)).view(-1, 1, 1, 1)
    return (x.round() / step).floor() * step


def solarize(x: Tensor, threshold: Tensor) -> Tensor:
    """Values from the threshold on turned into their negative."""
    return torch.where(x >= threshold.view(-1, 1, 1, 1), WHITE - x, x)


def autocontrast(x: Tensor) -> Tensor:
    """Each channel stretched to 0..255; one of a single value as it is."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    spread = high - low
    return torch.where(spread > 0, (x - low) * (WHITE / torch.where(spread > 0, spread, 1)), x)


def equalize(x: Tensor) -> Tensor:
    """Each channel by the table that makes its histogram as even as can be, computed as Pillow does."""
    places = x.round().long().flatten(2)
    ones = torch.ones_like(places)
    counts = torch.zeros(*places.shape[:2], 256, dtype=torch.int64, device=x.device).scatter_add_(2, places, ones)
    highest = places.amax(2, keepdim=True)
    step = (counts.sum(2, keepdim=True) - counts.gather(2, highest)) // 255
    before = counts.cumsum(2) - counts
    table = ((before + step // 2) // step.clamp(min=1)).clamp(0, 255)
    found = torch.where(step > 0, table.gather(2, places), places)
    return found.view(x.shape).to(x.dtype)


def warp(x: Tensor, inverse: Tensor, fill: str) -> Tensor:
    """Affine, bilinear: the pixel at (x, y) from the middle takes that at `inverse` (B, 2, 3) times (x, y, 1).

    What comes from outside is black ("zero") or the mean colour of the image ("mean").
    """
    height, width = x.shape[2:]
    half = x.new_tensor([width / 2, height / 2])  # affine_grid counts from -1 to 1 between the outer edges
    to_pixels = torch.cat((half, half.new_ones(1)))
    grid = F.affine_grid(inverse * to_pixels / half[:, None], list(x.shape), align_corners=False)
    outside = x.mean((2, 3), keepdim=True) if fill == "mean" else 0.0
    return F.grid_sample(x - outside, grid, "bilinear", "zeros", align_corners=False) + outside


def rotate(x: Tensor, degrees: Tensor, fill: str) -> Tensor:
    """Turned about the middle, counter-clockwise."""
    angle = degrees * (math.pi / 180)
    zero = torch.zeros_like(angle)
    rows = (torch.stack((angle.cos(), -angle.sin(), zero), 1), torch.stack((angle.sin(), angle.cos(), zero), 1))
    return warp(x, torch.stack(rows, 1), fill)


def shear(x: Tensor, slope: Tensor, axis: int, fill: str) -> Tensor:
    """Moved along x (axis 0) or y (axis 1) by -slope times the distance from the top or left edge."""
    inverse = torch.eye(2, 3, device=x.device, dtype=x.dtype).repeat(len(x), 1, 1)
    inverse[:, axis, 1 - axis] = slope
    inverse[:, axis, 2] = slope * (x.shape[2 + axis] / 2)
    return warp(x, inverse, fill)


def translate(x: Tensor, pixels: Tensor, axis: int, fill: str) -> Tensor:
    """Moved to the right (axis 0) or down (axis 1)."""
    inverse = torch.eye(2, 3, device=x.device, dtype=x.dtype).repeat(len(x), 1, 1)
    inverse[:, axis, 2] = -pixels
    return warp(x, inverse, fill)
