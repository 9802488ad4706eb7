"""Normalizations: layers that rescale activations to a steady mean and variance."""

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from cnnwiz.catalog.operation import Operation, Parameter, Shape, ShapeError, divisors

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self


SCALE = "value the trained scale starts from; 0 lets a residual body begin as nothing"


class Normalization(Operation):
    """What rescales a convolution's output before (or after) its activation."""

    section = "normalization"
    shifts: ClassVar[bool] = True
    """Whether it adds a bias of its own, which makes the convolution's bias redundant."""


class BatchNorm(Normalization):
    """Batch normalization: each channel to zero mean and unit variance over the batch, then a trained scale and shift.
    In evaluation the running mean and variance are used.

    Use: almost any network trained from scratch with 16 or more images per step and device.

    Avoid: batches below 16 per device (take group norm); after dropout, whose variance it then stores wrongly.

    Cost: 2 parameters per channel; can be folded into the convolution after training.
    """

    key = "batch"
    papers = ("arXiv:1502.03167",)
    evidence = ("bn_after", "bn_before", "bn_elu")

    eps: float = Field(default=1e-5, gt=0, le=1, description="added to the variance")
    momentum: float = Field(default=0.1, gt=0, le=1, description="weight of the newest batch in the running statistics")
    scale: float = Field(default=1.0, ge=0, le=10, description=SCALE)
    fixed_scale: bool = Field(default=False, description="leave the scale at that value and train the shift only")

    @model_validator(mode="after")
    def _alive(self) -> "Self":
        if self.fixed_scale and not self.scale:
            raise ValueError("a fixed_scale of 0 would be the end of every signal; write another scale")
        return self

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        found = _affine(inputs[0])
        return {"bias": found["bias"]} if self.fixed_scale else found

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        kind = nn.BatchNorm2d if len(inputs[0]) == 3 else nn.BatchNorm1d
        module = _scaled(kind(inputs[0][0], eps=self.eps, momentum=self.momentum), self.scale)
        if self.fixed_scale:
            from cnnwiz.nn.layers import untrained

            return untrained(module, "weight")
        return module


class LayerNorm(Normalization):
    """Layer normalization: each image by itself to zero mean and unit variance over all channels and positions, then a
    trained scale and shift for each channel. It works at any image size and does the same in training and evaluation.

    Use: batches too small for batch norm; where an image must not depend on the others in its batch.

    Avoid: as a substitute for batch norm in networks made with it, where it is usually worse.

    Cost: 2 parameters per channel; cannot be folded into the convolution.
    """

    key = "layer"
    papers = ("arXiv:1607.06450",)

    eps: float = Field(default=1e-5, gt=0, le=1, description="added to the variance")
    scale: float = Field(default=1.0, ge=0, le=10, description=SCALE)

    def output(self, *inputs: Shape) -> Shape:
        return _grouped(inputs[0], 1, "layer norm")

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        return _affine(inputs[0])

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return _scaled(nn.GroupNorm(1, inputs[0][0], eps=self.eps), self.scale)


class GroupNorm(Normalization):
    """Group normalization: as layer norm, but over each of `groups` groups of neighbouring channels.

    Use: small batches, as in detection, where batch norm's statistics are too noisy.

    Avoid: batches of 32 and more, where batch norm is a little better; channels that `groups` does not divide.

    Cost: 2 parameters per channel; cannot be folded into the convolution.
    """

    key = "group"
    papers = ("arXiv:1803.08494",)

    groups: int = Field(default=32, ge=1, le=65536, description="groups of channels; must divide their number")
    eps: float = Field(default=1e-5, gt=0, le=1, description="added to the variance")
    scale: float = Field(default=1.0, ge=0, le=10, description=SCALE)

    def output(self, *inputs: Shape) -> Shape:
        return _grouped(inputs[0], self.groups, "group norm")

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        return _affine(inputs[0])

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return _scaled(nn.GroupNorm(self.groups, inputs[0][0], eps=self.eps), self.scale)


class WeightNorm(Normalization):
    """Weight normalization: each filter of the convolution (or linear layer) directly in front is written as length
    times direction, w = g * v / ||v||, both trained. It adds no layer and knows no batch.

    Use: tiny batches and other places where the statistics of a batch are out of the question.

    Avoid: batch norm behind it, which divides the length out; optimizers that work on whole weight matrices (K-FAC,
    Muon).

    Cost: 1 parameter per filter; none once the two are multiplied out.
    """

    key = "weight"
    papers = ("arXiv:1602.07868",)
    conflicts = {"normalization.batch": "batch norm divides the length of the filters out"}
    shifts: ClassVar[bool] = False


class LocalResponseNorm(Normalization):
    """Local response normalization: each value divided by (k + alpha / size * s)^beta, where s is the sum of squares
    over `size` neighbouring channels at the same position.

    Use: reproducing AlexNet, CaffeNet and GoogLeNet, as a `norm` layer in front of or behind a pooling.

    Avoid: new networks: without it CaffeNet at 128 px was 0.1 points better.

    Cost: `size` multiplications per value, no parameters.
    """

    key = "local_response"
    papers = ("Krizhevsky, Sutskever, Hinton: NIPS 2012",)
    evidence = ("base_with_lrn",)
    shifts: ClassVar[bool] = False

    size: int = Field(default=5, ge=1, le=1024, description="channels that count, around each")
    alpha: float = Field(
        default=1e-4, ge=0, le=100, description="weight of the mean square (AlexNet: 5e-4, CaffeNet: 1e-4)"
    )
    beta: float = Field(default=0.75, ge=0, le=10, description="exponent")
    k: float = Field(default=1.0, gt=0, le=100, description="added to the weighted mean square (AlexNet: 2)")

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 3:
            raise ShapeError("local response norm takes a map, not a vector", "place it before flattening", "norm")
        return inputs[0]

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.LocalResponseNorm(self.size, self.alpha, self.beta, self.k)


class NoNorm(Normalization):
    """No normalization.

    Use: with ELU or another activation that keeps its scale; networks published without norm (VGG, GoogLeNet,
    SqueezeNet).

    Avoid: deep ReLU networks: batch norm after ReLU gained 2.8 points on CaffeNet and lets the learning rate be larger.

    Cost: nothing.
    """

    key = "none"
    evidence = ("bn_after",)
    shifts: ClassVar[bool] = False


def _affine(shape: Shape) -> dict[str, Parameter]:
    return {"weight": Parameter((shape[0],), "norm"), "bias": Parameter((shape[0],), "norm")}


def _scaled(module: "nn.Module", scale: float) -> "nn.Module":
    """The norm with its scale at this value; torch starts it at 1."""
    from torch import no_grad

    with no_grad():
        module.get_parameter("weight").fill_(scale)
    return module


def _grouped(shape: Shape, groups: int, who: str) -> Shape:
    """The shape itself, if `groups` divides its channels and leaves more than one value in each."""
    channels = shape[0]
    if channels % groups:
        hint = f"groups that divide {channels}: {divisors(channels, groups)}"
        raise ShapeError(f"{who} cannot split {channels} channels into {groups} groups", hint, "norm")
    if math.prod(shape) == groups:
        raise ShapeError(f"{who} would see one value at a time and make it 0", "fewer groups, or norm: none", "norm")
    return shape


NORMALIZATIONS: tuple[type[Normalization], ...] = (
    BatchNorm,
    LayerNorm,
    GroupNorm,
    WeightNorm,
    LocalResponseNorm,
    NoNorm,
)
