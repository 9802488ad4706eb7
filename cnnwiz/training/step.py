"""One evaluation of a batch: its loss and the gradient of its mean, micro-batch by micro-batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

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
) -> list[Evaluated]:
    """Set the gradients of all that is learned, `model` and `loss`, to that of the mean loss over the batch, which adds
    up over micro-batches."""
    learned.zero_grad(set_to_none=True)
    found = []
    for part, truth in zip(
        _split(images, spec.training.micro_batch), _split(labels, spec.training.micro_batch), strict=True
    ):
        with place.autocast():
            output = learned["model"](part)
        # A network with auxiliary heads gives their scores behind its own.
        predicted, *others = output if isinstance(output, tuple) else (output,)
        loss = objective(predicted.float(), truth, *(scores.float() for scores in others))
        share = len(truth) / len(labels)
        if spec.optimizer.create_graph:
            _differentiable_gradient(loss * share, learned)
        else:
            scaler.scale(loss * share).backward()
        label = truth.argmax(1) if truth.ndim == 2 else truth
        found.append(Evaluated(loss.detach(), predicted.detach(), label))
    return found


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
