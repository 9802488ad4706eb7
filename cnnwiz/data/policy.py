"""The fourteen operations of RandAugment and TrivialAugment, each at a strength between none and that policy's most."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from cnnwiz.data import distort


class Most(NamedTuple):
    """The strongest form of each operation."""

    shear: float  # slope
    turn: float  # degrees
    tone: float  # brightness, colour, contrast and sharpness times 1 - tone or 1 + tone
    bits: int  # that posterize takes away
    share: float | None  # of the image's width that it is moved by; else `pixels`
    pixels: float = 32.0

    def shift(self, x: Tensor) -> float:
        return self.pixels if self.share is None else self.share * x.shape[3]


NARROW = Most(0.3, 30.0, 0.9, 4, 150 / 331)  # RandAugment, as in torchvision
WIDE = Most(0.99, 135.0, 0.99, 6, None)  # TrivialAugment, "wide"

Operation = Callable[[Tensor, Tensor, Tensor, Most, str], Tensor]
"""operation(images, level, sign, most, fill): level (B,) of 0..1, sign (B,) of -1 and 1."""

OPERATIONS: dict[str, Operation] = {
    "identity": lambda x, level, sign, most, fill: x,
    "shear_x": lambda x, level, sign, most, fill: distort.shear(x, level * sign * most.shear, 0, fill),
    "shear_y": lambda x, level, sign, most, fill: distort.shear(x, level * sign * most.shear, 1, fill),
    "translate_x": lambda x, level, sign, most, fill: distort.translate(x, level * sign * most.shift(x), 0, fill),
    "translate_y": lambda x, level, sign, most, fill: distort.translate(x, level * sign * most.shift(x), 1, fill),
    "rotate": lambda x, level, sign, most, fill: distort.rotate(x, level * sign * most.turn, fill),
    "brightness": lambda x, level, sign, most, fill: distort.brightness(x, 1 + level * sign * most.tone),
    "color": lambda x, level, sign, most, fill: distort.saturation(x, 1 + level * sign * most.tone),
    "contrast": lambda x, level, sign, most, fill: distort.contrast(x, 1 + level * sign * most.tone),
    "sharpness": lambda x, level, sign, most, fill: distort.sharpness(x, 1 + level * sign * most.tone),
    "posterize": lambda x, level, sign, most, fill: distort.posterize(x, 8 - (level * most.bits).round()),
    "solarize": lambda x, level, sign, most, fill: distort.solarize(x, distort.WHITE * (1 - level)),
    "autocontrast": lambda x, level, sign, most, fill: distort.autocontrast(x),
    "equalize": lambda x, level, sign, most, fill: distort.equalize(x),
}


def operate(x: Tensor, numbers: Tensor, level: Tensor, most: Most, fill: str) -> Tensor:
    """One operation for each image of x (B, C, H, W), float of 0..255; numbers (B, 2), uniform in [0, 1), choose which
    and its sign."""
    which = (numbers[:, 0] * len(OPERATIONS)).long()
    sign = torch.where(numbers[:, 1] < 0.5, -1.0, 1.0)
    changed = x.clone()
    for index, operation in enumerate(OPERATIONS.values()):
        some = (which == index).nonzero()[:, 0]
        if len(some):
            changed[some] = operation(x[some], level[some], sign[some], most, fill)
    return changed
