"""How good a network is on a set of images: in float32, as prediction and export compute it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnwiz.catalog.loss import DETECT, EMBED
from cnnwiz.data.loader import eval_batches
from cnnwiz.data.pixels import Pixels
from cnnwiz.training.detect import detected
from cnnwiz.training.distributed import ALONE, Ranks
from cnnwiz.training.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from cnnwiz.spec import Spec

EVAL_BATCH = 256


@torch.inference_mode()
def scores(
    network: nn.Module,
    pixels: Pixels,
    preprocessing: dict[str, Any],
    device: str = "cpu",
    ranks: Ranks = ALONE,
    check: Callable[[], None] = lambda: None,
) -> tuple[Tensor, Tensor]:
    """(scores (N, K) float32, labels (N,)) of all images, in order, on the CPU; for task detect (maps (N, (K + 5) * H *
    W), boxes (N, M, 5)). Ranks take batches in turn; `check` is called between them and may raise."""
    was_training = network.training
    network.eval()
    found: list[tuple[Tensor, Tensor]] = []
    for number, batch in enumerate(eval_batches(pixels, preprocessing, EVAL_BATCH, device, ranks.number, ranks.count)):
        if number:
            check()
        found.append((batch.indices, network(batch.images).float().flatten(1)))
    network.train(was_training)
    return _gathered(found, len(pixels), ranks, device).cpu(), torch.from_numpy(pixels.targets.copy())


def _gathered(found: list[tuple[Tensor, Tensor]], images: int, ranks: Ranks, device: str) -> Tensor:
    """The scores of all ranks in the order of the images: where one has a number, the others add 0."""
    width = ranks.agree(found[0][1].shape[1] if found else 0)
    gathered = torch.zeros(images, width, device=device)
    for indices, part in found:
        gathered[indices] = part
    return ranks.total(gathered)


def metrics_of(spec: Spec, outputs: Tensor, labels: Tensor) -> dict[str, Any]:
    """Metrics of a network's outputs by the spec's task: `loss` and `accuracy`, and for task embed those of `verify`.

    Embeddings have no loss here: it may need a classifier, and that knows the classes of training only.
    """
    if spec.task == EMBED:
        return {"loss": None, **verify(outputs, labels)}
    if spec.task == DETECT:
        return detected(spec, outputs, labels)
    return measure(outputs, labels, spec.loss.build(outputs.shape[1]))


def measure(scores: Tensor, labels: Tensor, loss: nn.Module) -> dict[str, float]:
    """Mean loss and accuracy (share of images whose highest score is the true class)."""
    correct = (scores.argmax(1) == labels).sum().item()
    return {"loss": loss(scores, labels).item(), "accuracy": correct / len(labels)}
