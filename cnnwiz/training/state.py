"""What a run needs to go on exactly where it was: taken apart into tensors and JSON, and put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cnnwiz.errors import CnnwizError
from cnnwiz.training.average import Average

Scaler = torch.amp.GradScaler


@dataclass
class Progress:
    """How far training is, and the sums of the unfinished epoch (kept on the device until they are read)."""

    epoch: int = 0
    batch: int = 0
    seen: Tensor | float = 0
    loss_sum: Tensor | float = 0.0
    correct: Tensor | float = 0
    best_accuracy: float | None = None
    best_epoch: int | None = None

    def take(self, sums: Tensor) -> None:
        """Take in (sum of losses, correct images, images) of a step."""
        self.loss_sum = self.loss_sum + sums[0]
        self.correct = self.correct + sums[1]
        self.seen = self.seen + sums[2]

    def finish_epoch(self, epoch: int, accuracy: float | None) -> bool:
        """Begin the next epoch; True when this one is the best so far (the later one wins a tie)."""
        self.epoch, self.batch, self.seen, self.loss_sum, self.correct = epoch + 1, 0, 0, 0.0, 0
        best = accuracy is None or self.best_accuracy is None or accuracy >= self.best_accuracy
        if best:
            self.best_accuracy, self.best_epoch = accuracy, epoch
        return best


def snapshot(
    learned: nn.Module, optimizer: Optimizer, average: Average | None, scaler: Scaler, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, JSON-able state) of everything that changes during training; `learned` holds model and loss. The
    schedule, the order of images and all random draws are functions of seed, epoch and step, and not kept."""
    tensors: dict[str, Tensor] = dict(learned.state_dict())
    if average:
        tensors |= {f"average.{name}": tensor for name, tensor in average.network.state_dict().items()}
    kept = optimizer.state_dict()
    state = {
        "optimizer": {
            str(index): _apart(values, f"optimizer.{index}", tensors) for index, values in kept["state"].items()
        },
        "steps": [group.get("step") for group in kept["param_groups"]],
        "scaler": scaler.state_dict(),
        "epoch": progress.epoch,
        "batch": progress.batch,
        "seen": int(progress.seen),
        "loss_sum": float(progress.loss_sum),
        "correct": int(progress.correct),
        "best_accuracy": progress.best_accuracy,
        "best_epoch": progress.best_epoch,
    }
    return tensors, state


def restore(
    tensors: dict[str, Tensor],
    state: dict[str, Any],
    learned: nn.Module,
    optimizer: Optimizer,
    average: Average | None,
    scaler: Scaler,
) -> Progress:
    """Put a snapshot back and return how far it was. Raises CnnwizError (code 4) for that of another network."""
    for name, tensor in learned.state_dict().items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise CnnwizError(f"the checkpoint is of another network: {name} is missing or of another shape", code=4)
    learned.load_state_dict({name: tensors[name] for name in learned.state_dict()})
    if average:
        average.network.load_state_dict(_below("average.", tensors))
    groups = optimizer.state_dict()["param_groups"]
    for group, step in zip(groups, state["steps"], strict=True):
        if step is not None:  # some optimizers count their steps in the group
            group["step"] = step
    restored = {int(index): _together(values, tensors) for index, values in state["optimizer"].items()}
    optimizer.load_state_dict({"state": restored, "param_groups": groups})
    scaler.load_state_dict(state["scaler"])
    kept = ("epoch", "batch", "seen", "loss_sum", "correct", "best_accuracy", "best_epoch")
    return Progress(**{name: state[name] for name in kept})


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _apart(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """A tree of dictionaries and lists as JSON; its tensors go to `tensors`, their places say how they lay."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name, "strides": value.stride()}
    if isinstance(value, dict):
        return {"dict": {key: _apart(item, f"{name}.{key}", tensors) for key, item in value.items()}}
    if isinstance(value, list):
        return [_apart(item, f"{name}.{index}", tensors) for index, item in enumerate(value)]
    return value


def _together(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """What `_apart` took apart. The layout of a tensor in memory decides how sums over it are rounded, and optimizers
    that are fused walk it as if it were flat."""
    if isinstance(tree, list):
        return [_together(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "dict" in tree:
        return {key: _together(item, tensors) for key, item in tree["dict"].items()}
    tensor = tensors[tree["tensor"]]
    return torch.empty_strided(tensor.shape, tree["strides"], dtype=tensor.dtype).copy_(tensor)
