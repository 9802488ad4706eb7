"""Initializations: the values weights start from. Biases start at 0, norms at scale 1 and shift 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Initialization(Choice):
    """How a weight tensor (out, in / groups, kh, kw) or (out, in) is filled before training."""

    section: ClassVar[str] = "initialization"

    def build(self, weight: Tensor, slope: float | None, groups: int, generator: Generator) -> None:
        """Fill `weight` in place. `slope` is that of the (leaky) ReLU that follows, None for other activations."""
        raise NotImplementedError(f"{type(self).__name__}.build")


class Gaussian(Initialization):
    """Random values from a normal distribution of fixed standard deviation: W ~ N(0, std^2).

    Use: reproducing AlexNet and CaffeNet.

    Avoid: more than about 8 layers without normalization: the signal shrinks or grows geometrically.

    Cost: nothing at run time.
    """

    key: ClassVar[str] = "gaussian"
    papers: ClassVar[tuple[str, ...]] = ("Krizhevsky, Sutskever, Hinton: NIPS 2012",)

    std: float = Field(default=0.01, gt=0, le=10, description="standard deviation")

    def build(self, weight: Tensor, slope: float | None, groups: int, generator: Generator) -> None:
        weight.normal_(0.0, self.std, generator=generator)


class Xavier(Initialization):
    """Variance 2 / (fan_in + fan_out): keeps that of activations and gradients where the activation is about linear.

    Use: tanh and sigmoid; Caffe-era networks.

    Avoid: ReLU in deep plain networks: variance halves at each layer; take kaiming.

    Cost: nothing at run time.
    """

    key: ClassVar[str] = "xavier"
    papers: ClassVar[tuple[str, ...]] = ("Glorot, Bengio: AISTATS 2010",)
    conflicts: ClassVar[dict[str, str]] = {"activation.relu": "leaves out the factor 2 that ReLU needs: take kaiming"}

    distribution: Literal["uniform", "normal"] = Field(default="uniform", description="shape of the distribution")

    def build(self, weight: Tensor, slope: float | None, groups: int, generator: Generator) -> None:
        fan_in, fan_out = fans(weight, groups)
        _fill(weight, math.sqrt(2 / (fan_in + fan_out)), self.distribution, generator)


class Kaiming(Initialization):
    """Variance 2 / ((1 + slope^2) * fan): keeps the variance through (leaky) ReLU layers; 1 / fan before others.

    Use: ReLU, leaky ReLU, ELU: the default.

    Avoid: sigmoid and tanh (take xavier) and SELU (take lecun).

    Cost: nothing at run time.
    """

    key: ClassVar[str] = "kaiming"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1502.01852",)

    mode: Literal["fan_in", "fan_out"] = Field(
        default="fan_in", description="keep the variance of activations or of gradients"
    )
    distribution: Literal["uniform", "normal"] = Field(default="normal", description="shape of the distribution")

    def build(self, weight: Tensor, slope: float | None, groups: int, generator: Generator) -> None:
        fan = fans(weight, groups)[0 if self.mode == "fan_in" else 1]
        gain = 1.0 if slope is None else math.sqrt(2 / (1 + slope**2))
        _fill(weight, gain / math.sqrt(fan), self.distribution, generator)


def fans(weight: Tensor, groups: int) -> tuple[int, int]:
    """(fan_in, fan_out) of one group: torch's fan_out counts all groups, which is wrong for depthwise filters."""
    window = math.prod(weight.shape[2:])
    return weight.shape[1] * window, max(weight.shape[0] // groups, 1) * window


def _fill(weight: Tensor, std: float, distribution: str, generator: Generator) -> None:
    if distribution == "normal":
        weight.normal_(0.0, std, generator=generator)
    else:
        bound = math.sqrt(3) * std  # standard deviation of U(-b, b) is b / sqrt(3)
        weight.uniform_(-bound, bound, generator=generator)


INITIALIZATIONS: tuple[type[Initialization], ...] = (Kaiming, Xavier, Gaussian)
