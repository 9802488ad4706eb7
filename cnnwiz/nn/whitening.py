"""Filters that whiten the patches a convolution sees."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def whiten(convolution: nn.Module, inputs: Tensor, eps: float) -> None:
    """Give a convolution of F filters the F / 2 longest principal directions of its patches in `inputs` (B, C, H, W),
    each over the root of its variance + eps, and then their negatives.

    Filters see patches as they are, not centred. A direction's sign is that which makes the sum of its values positive,
    so that the same images give the same filters on every machine.
    """
    weight: Tensor = convolution.weight  # pyright: ignore[reportAssignmentType] - a parameter or a buffer
    moment = _second_moment(convolution, inputs.float())
    variances, directions = torch.linalg.eigh(moment)  # ascending
    count = len(weight) // 2
    chosen = directions.flip(1)[:, :count].T
    chosen = chosen * torch.where(chosen.sum(1, keepdim=True) < 0, -1.0, 1.0)
    scaled = (chosen / (variances.flip(0)[:count, None].clamp_min(0) + eps).sqrt()).view(count, *weight.shape[1:])
    weight.copy_(torch.cat((scaled, -scaled)))


def _second_moment(convolution: Any, images: Tensor) -> Tensor:
    """Mean of p p^T over all patches p inside the images, (C * kh * kw, C * kh * kw) in float64, on the CPU."""
    size = convolution.weight[0].numel()
    total = torch.zeros(size, size, dtype=torch.float64)
    count = 0
    for some in images.split(64):  # unfolded patches take kh * kw times the memory
        unfolded = F.unfold(some, convolution.kernel_size, convolution.dilation, stride=convolution.stride)
        patches = unfolded.transpose(0, 1).flatten(1)
        total += (patches @ patches.T).cpu().double()
        count += patches.shape[1]
    return total / count
