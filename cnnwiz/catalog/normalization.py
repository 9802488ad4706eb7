"""Normalizations: layers that rescale activations to a steady mean and variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from cnnwiz.catalog.operation import Operation, Parameter

if TYPE_CHECKING:
    from torch import nn

    from cnnwiz.catalog.operation import Shape


class Normalization(Operation):
    """What rescales a convolution's output before (or after) its activation."""

    section: ClassVar[str] = "normalization"
    shifts: ClassVar[bool] = True
    """Whether it adds a bias of its own, which makes the convolution's bias redundant."""


class BatchNorm(Normalization):
    """Batch normalization: each channel to zero mean and unit variance over the batch, then a trained scale and shift.
    In evaluation the running mean and variance are used.

    Use: almost any network trained from scratch with 16 or more images per step and device.

    Avoid: batches below 16 per device (take group norm); after dropout, whose variance it then stores wrongly.

    Cost: 2 parameters per channel; can be folded into the convolution after training.
    """

    key: ClassVar[str] = "batch"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1502.03167",)
    evidence: ClassVar[tuple[str, ...]] = ("bn_after", "bn_before", "bn_elu")

    eps: float = Field(default=1e-5, gt=0, le=1, description="added to the variance")
    momentum: float = Field(default=0.1, gt=0, le=1, description="weight of the newest batch in the running statistics")

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        channels = inputs[0][0]
        return {"weight": Parameter((channels,), "norm"), "bias": Parameter((channels,), "norm")}

    def build(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        kind = nn.BatchNorm2d if len(inputs[0]) == 3 else nn.BatchNorm1d
        return kind(inputs[0][0], eps=self.eps, momentum=self.momentum)


class NoNorm(Normalization):
    """No normalization.

    Use: with ELU or another activation that keeps its scale; networks published without norm (VGG, GoogLeNet,
    SqueezeNet).

    Avoid: deep ReLU networks: batch norm after ReLU gained 2.8 points on CaffeNet and lets the learning rate be larger.

    Cost: nothing.
    """

    key: ClassVar[str] = "none"
    evidence: ClassVar[tuple[str, ...]] = ("bn_after",)
    shifts: ClassVar[bool] = False


NORMALIZATIONS: tuple[type[Normalization], ...] = (BatchNorm, NoNorm)
