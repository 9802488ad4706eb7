"""Rectifiers beyond ReLU: activations whose negative side is steeper, trained, random, or another linear piece."""

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.operation import Parameter, Shape, ShapeError, divisors

if TYPE_CHECKING:
    from torch import nn


class VeryLeakyRelu(Activation):
    """Leaky ReLU of slope 1/3: max(x, x / 3).

    Use: inside a learned colour transform, where it gained 1.4 points at hardly any cost; sparse images.

    Avoid: as the activation of a whole network in hope of more than ReLU gives (-0.2 points on CaffeNet).

    Cost: one multiplication per negative value, no parameters.
    """

    key = "very_leaky_relu"
    papers = ("arXiv:1409.6070",)
    evidence = ("act_vlrelu", "col_learn_10_3_vlrelu")

    def slope(self) -> float | None:
        return 1 / 3

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.LeakyReLU(1 / 3)


class Prelu(Activation):
    """Parametric ReLU: x for x > 0, a * x below, with a trained slope for each channel. Weight decay never acts on the
    slopes, which it would turn back to ReLU.

    Use: a cheap gain over ReLU: 1.4 points on CaffeNet, 0.4 with batch norm.

    Avoid: very little data; 8-bit targets.

    Cost: one parameter per channel.
    """

    key = "prelu"
    papers = ("arXiv:1502.01852",)
    evidence = ("act_prelu", "bn_prelu")

    start: float = Field(default=0.25, ge=-1, le=1, description="slope before training")
    shared: bool = Field(default=False, description="one slope for all channels instead of one for each")

    def slope(self) -> float | None:
        return self.start

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        return {"weight": Parameter((1 if self.shared else inputs[0][0],), "slope")}

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.PReLU(1 if self.shared else inputs[0][0], init=self.start)


class Rrelu(Activation):
    """Randomized leaky ReLU: x for x > 0, a * x below, with a drawn for each value from U(lower, upper) while training
    and fixed at the middle in evaluation.

    Use: small data, as noise against overfitting: 0.7 points on CaffeNet, a tie with batch norm.

    Avoid: optimizers that need the same loss at every call, such as L-BFGS.

    Cost: one random number per value while training, no parameters.
    """

    key = "rrelu"
    papers = ("arXiv:1505.00853",)
    evidence = ("act_rrelu", "bn_rrelu")

    lower: float = Field(default=0.125, ge=0, lt=1, description="smallest slope")
    upper: float = Field(default=1 / 3, ge=0, lt=1, description="largest slope")

    @model_validator(mode="after")
    def _in_order(self) -> "Rrelu":
        if self.lower > self.upper:
            raise ValueError(f"lower is {self.lower:g}, above upper {self.upper:g}; exchange them")
        return self

    def slope(self) -> float | None:
        return (self.lower + self.upper) / 2

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.RReLU(self.lower, self.upper)


class Maxout(Activation):
    """Maxout: the largest of `pieces` linear maps, each with weights of its own. The convolution or linear layer in
    front is made `pieces` times as wide, so that `conv: {channels: 64, activation: maxout}` still ends in 64 channels:
    channel c is the maximum of filters c * pieces, ..., c * pieces + pieces - 1.

    Use: fully connected layers and the learned colour transform, without norm: 1.1 points on CaffeNet at equal cost.

    Avoid: batch norm (1.2 points below ReLU on CaffeNet); on its own, in front of a convolution or behind a sum it has
    nothing to widen and divides the channels by `pieces`.

    Cost: `pieces` times the parameters and multiply-adds of the layer in front; 1 / sqrt(2) of the width balances two.
    """

    key = "maxout"
    papers = ("arXiv:1302.4389",)
    evidence = (
        "act_maxout_same_cost",
        "act_maxout_wide",
        "act_convrelu_fcmaxout",
        "bn_maxout",
        "col_learn_10_3_maxout",
    )
    conflicts = {"normalization.batch": "1.2 points below ReLU with batch norm on CaffeNet"}

    pieces: int = Field(default=2, ge=2, le=16, description="linear maps of which the largest counts")

    def inputs(self) -> int:
        return self.pieces

    def output(self, *inputs: Shape) -> Shape:
        channels = inputs[0][0]
        if channels % self.pieces:
            raise ShapeError(
                f"maxout of {self.pieces} pieces cannot take {channels} channels",
                f"pieces that divide {channels}: {divisors(channels, self.pieces)}; behind a convolution or linear "
                "layer of its own it widens that",
                "activation",
            )
        return (channels // self.pieces, *inputs[0][1:])

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import Maxout

        return Maxout(self.pieces)


RECTIFIERS: tuple[type[Activation], ...] = (VeryLeakyRelu, Prelu, Rrelu, Maxout)
