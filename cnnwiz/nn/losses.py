"""Losses that torch lacks or defines otherwise. A leaf: imports only torch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class Hinge(nn.Module):
    """Mean over images of sum_{j != y} max(0, s_j - s_y + margin)^power.

    torch's multi_margin_loss divides that sum by the number of classes; this multiplies it back.
    """

    def __init__(self, classes: int, margin: float, power: int) -> None:
        super().__init__()
        self.classes, self.margin, self.power = classes, margin, power

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        return self.classes * F.multi_margin_loss(scores, labels, p=self.power, margin=self.margin)
