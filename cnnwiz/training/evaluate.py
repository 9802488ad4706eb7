"""How good a network is on a set of images: in float32, as prediction and export compute it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnnwiz.data.loader import eval_batches
from cnnwiz.data.pixels import Pixels

EVAL_BATCH = 256


@torch.inference_mode()
def scores(
    network: nn.Module, pixels: Pixels, preprocessing: dict[str, Any], device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """(scores (N, K) float32, labels (N,)) of all images, in order, on the CPU."""
    was_training = network.training
    network.eval()
    found, labels = [], []
    for batch in eval_batches(pixels, preprocessing, EVAL_BATCH, device):
        found.append(network(batch.images).float().cpu())
        labels.append(batch.labels.cpu())
    network.train(was_training)
    return torch.cat(found), torch.cat(labels)


def measure(scores: Tensor, labels: Tensor, loss: nn.Module) -> dict[str, float]:
    """Mean loss and accuracy (share of images whose highest score is the true class)."""
    correct = (scores.argmax(1) == labels).sum().item()
    return {"loss": loss(scores, labels).item(), "accuracy": correct / len(labels)}
