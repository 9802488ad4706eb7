"""One evaluation of a batch: its loss and the gradient of its mean, micro-batch by micro-batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cnnwiz.spec import Spec
from cnnwiz.training.device import Device


class Evaluated(NamedTuple):
    """What some images of a batch gave; nothing here leads back to the graph."""

    loss: Tensor  # mean over these images
    scores: Tensor  # (B, K)
    labels: Tensor  # (B,); of mixed images that of the larger share


def evaluate(
    learned: nn.ModuleDict,
    objective: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: Spec,
    place: Device,
    scaler: torch.amp.GradScaler,
    called: nn.Module | None = None,
    weight: float = 1.0,
) -> list[Evaluated]:
    """Set the gradients of all that is learned, `model` and `loss`, to that of the mean loss over the batch, which adds
    up over micro-batches.

    `called` is the model as several ranks call it, `weight` what the mean over this rank's share counts in the batch's.
    """
    learned.zero_grad(set_to_none=True)
    called = called or learned["model"]
    found = []
    parts, truths = (_split(tensor, spec.training.micro_batch) for tensor in (images, labels))
    for number, (part, truth) in enumerate(zip(parts, truths, strict=True), 1):
        if isinstance(called, DistributedDataParallel):  # ranks exchange gradients once, behind the last part
            called.require_backward_grad_sync = number == len(parts)
        with place.autocast():
            output = called(part)
        # A network with auxiliary heads gives their scores behind its own.
        predicted, *others = output if isinstance(output, tuple) else (output,)
        loss = objective(predicted.float(), truth, *(scores.float() for scores in others))
        share = weight * len(truth) / len(labels)
        if spec.optimizer.create_graph:
            _differentiable_gradient(loss * share, learned)
        else:
            scaler.scale(loss * share).backward()
        label = truth.argmax(1) if truth.ndim == 2 else truth
        found.append(Evaluated(loss.detach(), predicted.detach(), label))
    return found


def tally(parts: list[Evaluated]) -> Tensor:
    """(sum of losses, correct images, images) of some parts, float64 on their device."""
    sums = [
        torch.stack(
            (
                part.loss.double() * len(part.labels),
                _correct(part).double(),
                part.loss.new_tensor(len(part.labels), dtype=torch.float64),
            )
        )
        for part in parts
    ]
    return torch.stack(sums).sum(0)


def _correct(part: Evaluated) -> Tensor:
    """Images whose highest score is the true class; 0 where images have boxes instead of a class."""
    return (part.scores.argmax(1) == part.labels).sum() if part.labels.ndim == 1 else torch.zeros_like(part.loss)


def mean_loss(parts: list[Evaluated]) -> float:
    """The loss of the whole batch."""
    images = sum(len(part.labels) for part in parts)
    return sum(part.loss.item() * len(part.labels) for part in parts) / images


def _differentiable_gradient(loss: Tensor, learned: nn.Module) -> None:
    """Gradients that can be differentiated again. They hold the graph until they are set to None."""
    parameters = [parameter for parameter in learned.parameters() if parameter.requires_grad]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters, create_graph=True), strict=True):
        parameter.grad = gradient


def _split(batch: Tensor, size: int | None) -> tuple[Tensor, ...]:
    return batch.split(size) if size else (batch,)
