"""How good a network is on a set of images: in float32, as prediction and export compute it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnwiz.catalog.loss import EMBED
from cnnwiz.data.loader import eval_batches
from cnnwiz.data.pixels import Pixels
from cnnwiz.training.verify import verify

if TYPE_CHECKING:
    from cnnwiz.spec import Spec

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


def metrics_of(spec: Spec, outputs: Tensor, labels: Tensor) -> dict[str, Any]:
    """Metrics of a network's outputs by the spec's task: `loss` and `accuracy`, and for task embed those of `verify`.

    Embeddings have no loss here: it may need a classifier, and that knows the classes of training only.
    """
    if spec.task == EMBED:
        return {"loss": None, **verify(outputs, labels)}
    return measure(outputs, labels, spec.loss.build(outputs.shape[1]))


def measure(scores: Tensor, labels: Tensor, loss: nn.Module) -> dict[str, float]:
    """Mean loss and accuracy (share of images whose highest score is the true class)."""
    correct = (scores.argmax(1) == labels).sum().item()
    return {"loss": loss(scores, labels).item(), "accuracy": correct / len(labels)}
