"""Averages of the weights: a running one (EMA), which is then evaluated and kept, and lookahead's slow weights."""

from __future__ import annotations

import copy

import torch
from torch import nn

from cnnwiz.catalog.lookahead import Lookahead


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


class SlowWeights(nn.Module):
    """Lookahead: `slow` follows the network's weights, which are set to it every few steps. Its buffers are saved with
    what is learned."""

    def __init__(self, network: nn.Module, choice: Lookahead, total_steps: int) -> None:
        super().__init__()
        self.choice, self.total_steps = choice, total_steps
        self.fast: list[torch.Tensor] = list(network.parameters())  # a list, so that they are not registered here too
        for number, weight in enumerate(self.fast):
            self.register_buffer(f"slow{number}", weight.detach().clone())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Behind `step` (0-based) of the optimizer."""
        done = step + 1
        slow: list[torch.Tensor] = list(self.buffers())
        if done % self.choice.interval == 0:
            share = self.choice.at(done / self.total_steps) if done > self.choice.interval else 1.0
            torch._foreach_lerp_(slow, self.fast, share)  # pyright: ignore[reportPrivateImportUsage]
        if done % self.choice.interval == 0 or (done == self.total_steps and done > self.choice.interval):
            torch._foreach_copy_(self.fast, slow)  # pyright: ignore[reportPrivateImportUsage]
