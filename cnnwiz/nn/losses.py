"""Losses as the loop sees them: (outputs, labels) to a scalar, in float32. A leaf: imports only torch at module level.

What a loss owns besides the network, such as the classifier behind an embedding, are its parameters and buffers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Loss(nn.Module):
    """A module that maps outputs (B, K) of the network and labels int64 (B,) to the mean loss of the batch."""

    def after_step(self) -> None:
        """Called behind each optimizer step: what changes by other means than gradients changes here."""


class CrossEntropy(Loss):
    """Softmax cross-entropy of scores (B, classes), or of embeddings (B, features) behind a linear layer of its own."""

    def __init__(self, classes: int, features: int | None, label_smoothing: float) -> None:
        super().__init__()
        self.classifier = nn.Linear(features, classes) if features else nn.Identity()
        self.label_smoothing = label_smoothing

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.classifier(outputs), labels, label_smoothing=self.label_smoothing)


class Hinge(Loss):
    """Mean over images of sum_{j != y} max(0, s_j - s_y + margin)^power.

    torch's multi_margin_loss divides that sum by the number of classes; this multiplies it back.
    """

    def __init__(self, classes: int, margin: float, power: int) -> None:
        super().__init__()
        self.classes, self.margin, self.power = classes, margin, power

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return self.classes * F.multi_margin_loss(outputs, labels, p=self.power, margin=self.margin)


class Triplet(Loss):
    """Mean over mined triplets of max(0, d(a, p) - d(a, n) + margin), d the squared distance of unit vectors.

    "semi_hard": every triplet of the batch with d(a, p) < d(a, n) < d(a, p) + margin. "batch_hard": for each image its
    farthest positive and its nearest negative. A batch without triplets has loss 0.
    """

    def __init__(self, margin: float, mining: str) -> None:
        from pytorch_metric_learning.distances import LpDistance
        from pytorch_metric_learning.losses import TripletMarginLoss
        from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner
        from pytorch_metric_learning.reducers import MeanReducer

        super().__init__()
        # The library's defaults are not FaceNet's: plain distance, margin 0.05, mean over violated triplets only.
        squared = LpDistance(normalize_embeddings=True, p=2, power=2)
        self.loss = TripletMarginLoss(margin=margin, distance=squared, reducer=MeanReducer())
        self.miner = (
            BatchHardMiner(distance=squared)
            if mining == "batch_hard"
            else TripletMarginMiner(margin, "semihard", distance=squared)
        )

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return self.loss(outputs, labels, self.miner(outputs, labels))


class Center(Loss):
    """Softmax cross-entropy of a linear layer, plus weight/2 * mean ||x - c_y||^2.

    The centres are no parameters. Behind each step they move by alpha * sum(x - c) / (1 + n) over the n embeddings
    of their class in the batch, as seen by the forward passes since the last step.
    """

    def __init__(self, classes: int, features: int, weight: float, alpha: float) -> None:
        super().__init__()
        self.classifier = nn.Linear(features, classes)
        self.weight, self.alpha = weight, alpha
        self.centres: Tensor
        self.sums: Tensor
        self.counts: Tensor
        self.register_buffer("centres", torch.zeros(classes, features))
        self.register_buffer("sums", torch.zeros(classes, features), persistent=False)
        self.register_buffer("counts", torch.zeros(classes, 1), persistent=False)

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        offsets = outputs - self.centres[labels]
        if self.training:
            members = F.one_hot(labels, len(self.centres)).to(offsets.dtype)  # a product sums in the same order always
            self.sums += members.T @ offsets.detach()
            self.counts += members.sum(0)[:, None]
        distance = offsets.square().sum(1).mean()
        return F.cross_entropy(self.classifier(outputs), labels) + self.weight / 2 * distance

    @torch.no_grad()
    def after_step(self) -> None:
        self.centres += self.alpha * self.sums / (1 + self.counts)
        self.sums.zero_()
        self.counts.zero_()


class ASoftmax(Loss):
    """Cross-entropy of |x| cos t_j, t_j the angle to a class's weight, with the true class's cosine made smaller.

    It becomes (l * cos t + psi(t)) / (1 + l), where psi(t) = (-1)^k cos(m t) - 2k for t in [k pi/m, (k+1) pi/m] falls
    monotonically from 1 to 1 - 2m, and l = max(floor, base * (1 + gamma * step)^-power) falls with the steps.
    """

    def __init__(
        self, classes: int, features: int, m: int, base: float, gamma: float, power: float, floor: float
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, features) / math.sqrt(features))
        self.m, self.base, self.gamma, self.power, self.floor = m, base, gamma, power, floor
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        cosines = F.normalize(outputs) @ F.normalize(self.weight).T
        true = labels[:, None]
        cosine = cosines.gather(1, true)
        annealing = (self.base * (1 + self.gamma * self.steps.float()) ** -self.power).clamp_min(self.floor)
        smaller = (annealing * cosine + psi(cosine, self.m)) / (1 + annealing)
        return F.cross_entropy(outputs.norm(dim=1, keepdim=True) * cosines.scatter(1, true, smaller), labels)

    @torch.no_grad()
    def after_step(self) -> None:
        self.steps += 1


def psi(cosine: Tensor, m: int) -> Tensor:
    """(-1)^k cos(m t) - 2k of t = acos(cosine), k = floor(m t / pi): a polynomial, with finite gradients at t = 0."""
    k = (m * torch.acos(cosine.detach().clamp(-1, 1)) / math.pi).floor().clamp_max(m - 1)
    before, multiple = torch.ones_like(cosine), cosine  # Chebyshev: cos((n + 1) t) = 2 cos t cos(n t) - cos((n - 1) t)
    for _ in range(m - 1):
        before, multiple = multiple, 2 * cosine * multiple - before
    return (1 - 2 * (k % 2)) * multiple - 2 * k
