"""What a run needs to go on exactly where it was: taken apart into tensors and JSON, and put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cnnwiz.training.average import Average

Scaler = torch.amp.GradScaler


@dataclass
class Progress:
    """How far training is, and the sums of the unfinished epoch (kept on the device until they are read)."""

    epoch: int = 0
    batch: int = 0
    seen: int = 0
    loss_sum: Tensor | float = 0.0
    correct: Tensor | int = 0
    best_accuracy: float | None = None
    best_epoch: int | None = None

    def add(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Take in the mean loss and the scores of some images."""
        self.seen += len(labels)
        self.loss_sum = self.loss_sum + loss.double() * len(labels)
        self.correct = self.correct + (scores.argmax(1) == labels).sum()

    def finish_epoch(self, epoch: int, accuracy: float | None) -> bool:
        """Begin the next epoch; True when this one is the best so far (the later one wins a tie)."""
        self.epoch, self.batch, self.seen, self.loss_sum, self.correct = epoch + 1, 0, 0, 0.0, 0
        best = accuracy is None or self.best_accuracy is None or accuracy >= self.best_accuracy
        if best:
            self.best_accuracy, self.best_epoch = accuracy, epoch
        return best


def snapshot(
    network: nn.Module, optimizer: Optimizer, average: Average | None, scaler: Scaler, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, JSON-able state) of everything that changes during training. The schedule, the order of images and all
    random draws are functions of seed, epoch and step: there is nothing of them to keep."""
    tensors = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    if average:
        tensors |= {f"average.{name}": tensor for name, tensor in average.network.state_dict().items()}
    numbers: dict[str, dict[str, Any]] = {}
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{name}"] = value
            else:
                numbers.setdefault(str(index), {})[name] = value
    state = {
        "optimizer": numbers,
        "scaler": scaler.state_dict(),
        "epoch": progress.epoch,
        "batch": progress.batch,
        "seen": progress.seen,
        "loss_sum": float(progress.loss_sum),
        "correct": int(progress.correct),
        "best_accuracy": progress.best_accuracy,
        "best_epoch": progress.best_epoch,
    }
    return tensors, state


def restore(
    tensors: dict[str, Tensor],
    state: dict[str, Any],
    network: nn.Module,
    optimizer: Optimizer,
    average: Average | None,
    scaler: Scaler,
) -> Progress:
    """Put a snapshot back and return how far it was."""
    network.load_state_dict(_below("model.", tensors))
    if average:
        average.network.load_state_dict(_below("average.", tensors))
    restored: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in state["optimizer"].items()}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for key, tensor in _below("optimizer.", tensors).items():
        index, name = key.split(".", 1)
        restored.setdefault(int(index), {})[name] = _laid_out(tensor, parameters[int(index)])
    optimizer.load_state_dict({"state": restored, "param_groups": optimizer.state_dict()["param_groups"]})
    scaler.load_state_dict(state["scaler"])
    kept = ("epoch", "batch", "seen", "loss_sum", "correct", "best_accuracy", "best_epoch")
    return Progress(**{name: state[name] for name in kept})


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _laid_out(tensor: Tensor, parameter: Tensor) -> Tensor:
    """`tensor` with the memory layout of its parameter: fused optimizers walk both as if they were flat."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
