"""What a network says of many images, with their labels and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cnnwiz.data.pixels import Pixels
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation.images import images_of
from cnnwiz.evaluation.trained import Trained
from cnnwiz.evaluation.views import averaged, views
from cnnwiz.training.evaluate import EVAL_BATCH


@dataclass(frozen=True, eq=False)
class Outputs:
    """The network's output on each of some labelled images, in their order."""

    scores: Tensor  # float32 (N, K) on the CPU: scores, embeddings (N, F), or maps (N, K + 5, H, W) for task detect
    labels: Tensor  # int64 (N,), indices into `classes`
    classes: tuple[str, ...]
    keys: tuple[str, ...]  # identity of each image: class folder and file name, or its index as text
    files: tuple[str, ...]  # () where the images come as arrays
    pixels: Pixels  # `pixels.batch(indices)` gives their canvases, uint8 (B, S, S, C)
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def targets(self) -> Tensor:
        """What the network should say: the labels, or the boxes and their classes (N, M, 5)."""
        return torch.from_numpy(self.pixels.targets)

    @property
    def probabilities(self) -> Tensor:
        """Softmax of the scores, float64 (N, K)."""
        return self.scores.double().softmax(1)

    @property
    def predicted(self) -> Tensor:
        """The class with the highest score of each image (N,)."""
        return self.scores.argmax(1)

    def most_confident_mistakes(self, count: int) -> np.ndarray:
        """Indices of wrongly classified images, the highest probability of a wrong class first."""
        confidence = self.probabilities.max(1).values
        wrong = (self.predicted != self.labels).nonzero()[:, 0]
        return wrong[confidence[wrong].argsort(descending=True, stable=True)][:count].numpy()


def outputs_of(
    trained: Trained,
    split: str = "test",
    data: Path | None = None,
    workers: int = 0,
    tta: str = "none",
    most: int | None = None,
) -> Outputs:
    """The network's outputs on `split` of its own data, or on the images of `data` (see `images_of`)."""
    pixels, classes, notices = images_of(trained, split, data, workers, most)
    scores = run_over(trained, pixels, tta)
    labels = torch.from_numpy(pixels.labels)
    return Outputs(scores, labels, classes, pixels.split.keys, pixels.split.files, pixels, notices)


@torch.inference_mode()
def run_over(trained: Trained, pixels: Pixels, tta: str = "none") -> Tensor:
    """The network's output (N, K), averaged over the views of `tta`."""
    groups = [np.arange(start, min(start + EVAL_BATCH, len(pixels))) for start in range(0, len(pixels), EVAL_BATCH)]
    return torch.cat([outputs_for(trained, canvases, tta) for canvases in pixels.batches(groups)])


@torch.inference_mode()
def outputs_for(trained: Trained, canvases: np.ndarray, tta: str = "none") -> Tensor:
    """The network's output (B, K) of canvases uint8 (B, S, S, C)."""
    if trained.detects and tta != "none":
        raise CnnwizError(f"--tta {tta}: views are averaged by score, which boxes do not allow; leave it out")
    images = torch.from_numpy(canvases).to(trained.device).permute(0, 3, 1, 2)
    return averaged(trained.network, views(images, trained.preprocessing, tta), trained.embeds)
