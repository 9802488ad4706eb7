"""What must hold before training goes on: numbers that are finite, and the data, network and machine it began with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from cnnwiz.errors import CnnwizError

ADVICE = (
    "Lower optimizer lr, add schedule warmup_epochs or training.gradient_clip; cnnwiz lint looks for CNN303 "
    "mismatched-learning-rate"
)


def require_finite_loss(loss: float, epoch: int, step: int, rate: float) -> None:
    """Stop before a loss that is not finite reaches the weights or a file. Epoch and step count from 0."""
    if not math.isfinite(loss):
        raise CnnwizError(
            f"the loss is not finite in epoch {epoch + 1}, step {step + 1} (lr {rate:g}); the last checkpoint is "
            f"intact. {ADVICE}",
            code=3,
        )


def require_finite_weights(learned: nn.Module, epoch: int, step: int, rate: float) -> None:
    """Stop before weights, or statistics of batch norm, that are not finite reach a file."""
    tensors = {name: tensor for name, tensor in learned.state_dict().items() if tensor.is_floating_point()}
    largest = torch.stack([tensor.abs().max().float() for tensor in tensors.values() if tensor.numel()])
    if not largest.isfinite().all():
        name = next(name for name, tensor in tensors.items() if not tensor.isfinite().all())
        raise CnnwizError(
            f"{name.split('.', 1)[-1]} is not finite behind epoch {epoch + 1}, step {step} (lr {rate:g}); the last "
            f"checkpoint is intact. {ADVICE}",
            code=3,
        )


def require_same_data(record: dict[str, Any], fingerprint: dict[str, Any]) -> None:
    """Stop where the images are not those that the run began with."""
    before = record.get("data")
    if before and before["sha256"] != fingerprint["sha256"]:
        then, now = (
            {split: sum(found.values()) for split, found in data["images"].items()} for data in (before, fingerprint)
        )
        numbers = ", ".join(f"{split} {then[split]:,} -> {now.get(split, 0):,}" for split in then)
        raise CnnwizError(
            f"the images changed since this run began ({numbers}; names, sizes and labels count): bring them back, or "
            "start another run"
        )


def machine_changes(record: dict[str, Any], facts: dict[str, Any], versions: dict[str, str]) -> Iterator[str]:
    """What is different about the machine, which changes how sums are rounded."""
    then = {**record, **record.get("versions", {})}
    now = {**facts, **versions}
    changed = [
        f"{name} {then[name]} -> {now[name]}"
        for name in ("device", "precision", "threads", "ranks", "torch", "cpu")
        if name in then and name in now and then[name] != now[name]
    ]
    if changed:
        yield f"goes on correctly, but not to the same bits: {', '.join(changed)}"


def finite_or_none(values: dict[str, Any]) -> dict[str, Any]:
    """Metrics as JSON can hold them: null for what is not a number."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }
