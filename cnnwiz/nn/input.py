"""Modules of input transforms: colour spaces and polar coordinates. A leaf: imports only torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class Recolor(nn.Module):
    """RGB (B, 3, H, W) of 0..1 as "grayscale" (B, 1, H, W), "ycbcr" or "hsv" (B, 3, H, W), all of 0..1."""

    def __init__(self, space: str) -> None:
        super().__init__()
        self.space = space

    def forward(self, x: Tensor) -> Tensor:
        if self.space == "hsv":
            return hsv(x)
        red, green, blue = x.unbind(1)
        luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        if self.space == "grayscale":
            return luma[:, None]
        # Scaled so that pure blue and pure red reach 1.
        return torch.stack((luma, (blue - luma) / (2 - 2 * LUMA[2]) + 0.5, (red - luma) / (2 - 2 * LUMA[0]) + 0.5), 1)


def hsv(x: Tensor) -> Tensor:
    """Hue, saturation and value (B, 3, H, W) of RGB of 0..1; hue and saturation are 0 where there is no colour."""
    value, spread = x.amax(1), x.amax(1) - x.amin(1)
    red, green, blue = x.unbind(1)
    some = torch.where(spread > 0, spread, 1)
    sixth = torch.where(
        value == red,
        (green - blue) / some % 6,
        torch.where(value == green, (blue - red) / some + 2, (red - green) / some + 4),
    )
    return torch.stack((sixth / 6, spread / torch.where(value > 0, value, 1), value), 1)


class PolarSample(nn.Module):
    """Images (B, C, h, w) at `size` (angles, radii): (B, C, angles + 2 * overlap, radii), bilinear, zero outside.

    Row i lies at the angle 2 pi (i - overlap) / angles, column j at radius * j / (radii - 1) or, if logarithmic, at
    radius^(j / (radii - 1)) pixels. The origin is the image's middle, or the centroid of weights exp(heat), heat
    (B, 1, h, w).
    """

    def __init__(
        self, image: tuple[int, int], size: tuple[int, int], radius: float, logarithmic: bool, overlap: int
    ) -> None:
        super().__init__()
        self.image, self.size, self.radius, self.logarithmic, self.overlap = image, size, radius, logarithmic, overlap
        angles, radii = size
        angle = torch.arange(-overlap, angles + overlap, dtype=torch.float64) * (2 * math.pi / angles)
        share = torch.arange(radii, dtype=torch.float64) / (radii - 1)
        distance = radius**share if logarithmic else radius * share
        # grid_sample counts from -1 to 1 between the middles of the outermost pixels.
        x = torch.outer(angle.cos(), distance) * (2 / (image[1] - 1))
        y = torch.outer(angle.sin(), distance) * (2 / (image[0] - 1))
        self.offsets: Tensor
        self.register_buffer("offsets", torch.stack((x, y), 2).float(), persistent=False)

    def forward(self, x: Tensor, heat: Tensor | None = None) -> Tensor:
        kind = torch.promote_types(x.dtype, torch.float32)  # half precision cannot tell neighbouring pixels apart
        grid = self.offsets.to(kind).expand(x.shape[0], -1, -1, -1)
        if heat is not None:
            grid = grid + centroid(heat.to(kind))[:, None, None, :]
        return F.grid_sample(x.to(kind), grid, "bilinear", "zeros", align_corners=True)


def centroid(heat: Tensor) -> Tensor:
    """(B, 1, H, W) to (B, 2): mean x and y, both from -1 to 1, of positions weighted by exp(heat)."""
    weights = heat.flatten(1).softmax(1).unflatten(1, heat.shape[2:])
    x = torch.linspace(-1, 1, heat.shape[3], device=heat.device, dtype=heat.dtype)
    y = torch.linspace(-1, 1, heat.shape[2], device=heat.device, dtype=heat.dtype)
    return torch.stack((weights.sum(1) @ x, weights.sum(2) @ y), 1)
