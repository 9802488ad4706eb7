"""Losses: what training makes small."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from torch import nn


class Loss(Choice):
    """A scalar to minimize, from scores (B, K) and class numbers (B,)."""

    section: ClassVar[str] = "loss"

    def build(self, classes: int) -> nn.Module:
        """A module that maps (scores, labels) to the mean loss of the batch."""
        raise NotImplementedError(f"{type(self).__name__}.build")


class CrossEntropy(Loss):
    """Softmax cross-entropy: L = -log softmax(s)_y; with label smoothing e the target is 1 - e + e/K for the true class
    and e/K for each other one.

    Use: the default for one label per image.

    Avoid: a softmax or sigmoid in the network: the loss takes raw scores.

    Cost: nothing worth counting.
    """

    key: ClassVar[str] = "cross_entropy"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1512.00567",)

    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of the target spread evenly over all classes"
    )

    def build(self, classes: int) -> nn.Module:
        from torch import nn

        return nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)


class Hinge(Loss):
    """Multi-class hinge loss: L = sum over j != y of max(0, s_j - s_y + margin)^power.

    Use: few classes, a margin wanted, outliers among the labels.

    Avoid: where probabilities are needed; very many classes (the sum grows with them); mixup, cutmix, label smoothing.

    Cost: nothing worth counting.
    """

    key: ClassVar[str] = "hinge"
    papers: ClassVar[tuple[str, ...]] = ("Weston, Watkins: ESANN 1999",)

    margin: float = Field(default=1.0, gt=0, le=100, description="distance (delta) the true class must keep")
    power: Literal[1, 2] = Field(default=1, description="2 gives the squared hinge")

    def build(self, classes: int) -> nn.Module:
        from cnnwiz.nn.losses import Hinge

        return Hinge(classes, self.margin, self.power)


LOSSES: tuple[type[Loss], ...] = (CrossEntropy, Hinge)
