"""A running average of the weights (EMA): what is evaluated and kept when the spec asks for it."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """network' = decay * network' + (1 - decay) * network after each step; buffers are copied."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after `step` (0-based). The first steps count more, so that the start is forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages: list[torch.Tensor] = list(self.network.parameters())
        weights: list[torch.Tensor] = list(network.parameters())
        torch._foreach_lerp_(averages, weights, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for mine, current in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(current)
