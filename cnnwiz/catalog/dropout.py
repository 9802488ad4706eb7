"""Noise against overfitting beside plain dropout: Gaussian, alpha and spatial dropout, and stochastic depth."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.layer import Layer, Net, Tap
from cnnwiz.catalog.operation import Shape, ShapeError
from cnnwiz.catalog.primitive import Primitive

if TYPE_CHECKING:
    from torch import nn


AFTERWARDS = "a batch norm behind it stores the variance of training, not that of evaluation"


class GaussianDrop(Primitive):
    """Values times N(1, rate / (1 - rate)) while training; identity in evaluation mode."""

    key = "gaussian_dropout"
    rate: float

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.layers import GaussianDropout

        return GaussianDropout(self.rate)


class AlphaDrop(Primitive):
    """Dropout to SELU's lower limit, keeping mean and variance; identity in evaluation mode."""

    key = "alpha_dropout"
    rate: float

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.AlphaDropout(self.rate)


class SpatialDrop(Primitive):
    """Dropout of whole channels of a map; identity in evaluation mode."""

    key = "spatial_dropout"
    rate: float

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 3:
            raise ShapeError("spatial dropout takes a map, not a vector", "behind flattening write dropout")
        return inputs[0]

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.Dropout2d(self.rate)


class DepthDrop(Primitive):
    """A whole residual body left out for an image with probability `rate`, the others scaled by 1 / (1 - rate)."""

    key = "stochastic_depth"
    rate: float

    def build(self, *inputs: Shape) -> "nn.Module":
        from torchvision.ops import StochasticDepth

        return StochasticDepth(self.rate, "row")


class GaussianDropout(Layer):
    """Gaussian dropout: while training each value is multiplied by 1 + sqrt(rate / (1 - rate)) * n with n from N(0, 1),
    which has the mean and variance of dropout at that rate.

    Use: as dropout, with noise that is smoother and sets nothing to 0.

    Avoid: in front of a batch norm, as dropout; optimizers that need the same loss at every call, such as L-BFGS.

    Cost: one random number per value while training, nothing afterwards.
    """

    key = "gaussian_dropout"
    papers = ("Srivastava et al.: JMLR 15 (2014), section 10", "arXiv:1506.02557")
    conflicts = {"normalization.batch": AFTERWARDS}

    rate: float = Field(default=0.5, ge=0, lt=1, description="rate of the dropout whose variance the noise has")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(GaussianDrop(rate=self.rate), source, name="dropout")


class AlphaDropout(Layer):
    """Alpha dropout: while training each value is set to SELU's lower limit (-1.758) with probability `rate`, and all
    are scaled and shifted so that mean 0 and variance 1 stay.

    Use: between layers with SELU, at rates of 0.05 to 0.1.

    Avoid: other activations, whose values are not standardized.

    Cost: one random number per value while training, nothing afterwards.
    """

    key = "alpha_dropout"
    papers = ("arXiv:1706.02515",)

    rate: float = Field(default=0.1, ge=0, lt=1, description="probability of setting a value to the lower limit")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(AlphaDrop(rate=self.rate), source, name="dropout")


class SpatialDropout(Layer):
    """Spatial dropout: while training each channel of an image's map is set to 0 as a whole with probability `rate`,
    and the rest is scaled by 1 / (1 - rate).

    Use: where dropout must stand inside the convolutional trunk: neighbouring values tell of each other, so that single
    zeros take little away.

    Avoid: in front of a batch norm, as dropout; few channels.

    Cost: one random number per channel while training, nothing afterwards.
    """

    key = "spatial_dropout"
    papers = ("arXiv:1411.4280",)
    conflicts = {"normalization.batch": AFTERWARDS}

    rate: float = Field(default=0.1, ge=0, lt=1, description="probability of setting a channel to 0")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(SpatialDrop(rate=self.rate), source, name="dropout")


class StochasticDepth(Choice):
    """Stochastic depth: while training each residual body is left out for an image with a probability of its own, and
    scaled by 1 / (1 - probability) otherwise. Under the linear rule body l of L has probability rate * l / L.

    Use: residual networks of 50 layers and more that overfit; rates up to 0.5 at the last body.

    Avoid: shallow networks, and networks without residual bodies, where there is nothing to leave out.

    Cost: one random number per body and image while training, nothing afterwards.
    """

    section = "regularization"
    key = "stochastic_depth"
    papers = ("arXiv:1603.09382",)

    rate: float = Field(default=0.2, ge=0, lt=1, description="probability of leaving out the last body")
    rule: Literal["linear", "uniform"] = Field(
        default="linear", description="linear: from nearly 0 at the first body to `rate`; uniform: `rate` everywhere"
    )

    def at(self, body: int, bodies: int) -> DepthDrop:
        """The operation behind residual body number `body` (from 1) of `bodies`."""
        return DepthDrop(rate=self.rate * body / bodies if self.rule == "linear" else self.rate)


DROPOUTS: tuple[type[Layer], ...] = (GaussianDropout, AlphaDropout, SpatialDropout)
