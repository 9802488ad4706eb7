"""Initializations: the values weights start from. Biases start at 0, norms at scale 1 and shift 0."""

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Initialization(Choice):
    """How a weight tensor (out, in / groups, kh, kw) or (out, in) is filled before training."""

    section = "initialization"
    everywhere: ClassVar[bool] = True
    """Whether it can be that of a whole network."""

    @property
    def trains(self) -> bool:
        """Whether the weight is trained afterwards; if not, it is a buffer of the network and no parameter."""
        return True

    def problem(self, weight: tuple[int, ...], groups: int) -> str | None:
        """What is wrong with filling a weight of this shape, and what would be right; None where nothing is."""
        return None

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        """Fill `weight` in place. `slope` is that of the (leaky) ReLU that follows, None for other activations."""
        raise NotImplementedError(f"{type(self).__name__}.build")


class Gaussian(Initialization):
    """Random values from a normal distribution of fixed standard deviation: W ~ N(0, std^2).

    Use: reproducing AlexNet and CaffeNet.

    Avoid: more than about 8 layers without normalization: the signal shrinks or grows geometrically.

    Cost: nothing at run time.
    """

    key = "gaussian"
    papers = ("Krizhevsky, Sutskever, Hinton: NIPS 2012",)

    std: float = Field(default=0.01, gt=0, le=10, description="standard deviation")

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        weight.normal_(0.0, self.std, generator=generator)


class Xavier(Initialization):
    """Variance 2 / (fan_in + fan_out): keeps that of activations and gradients where the activation is about linear.

    Use: tanh and sigmoid; Caffe-era networks.

    Avoid: ReLU in deep plain networks: variance halves at each layer; take kaiming.

    Cost: nothing at run time.
    """

    key = "xavier"
    papers = ("Glorot, Bengio: AISTATS 2010",)
    conflicts = {"activation.relu": "leaves out the factor 2 that ReLU needs: take kaiming"}

    distribution: Literal["uniform", "normal"] = Field(default="uniform", description="shape of the distribution")

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        fan_in, fan_out = fans(weight, groups)
        _fill(weight, math.sqrt(2 / (fan_in + fan_out)), self.distribution, generator)


class Kaiming(Initialization):
    """Variance 2 / ((1 + slope^2) * fan): keeps the variance through (leaky) ReLU layers; 1 / fan before others.

    Use: ReLU, leaky ReLU, ELU: the default.

    Avoid: sigmoid and tanh (take xavier) and SELU (take lecun).

    Cost: nothing at run time.
    """

    key = "kaiming"
    papers = ("arXiv:1502.01852",)

    mode: Literal["fan_in", "fan_out"] = Field(
        default="fan_in", description="keep the variance of activations or of gradients"
    )
    distribution: Literal["uniform", "normal"] = Field(default="normal", description="shape of the distribution")

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        fan = fans(weight, groups)[0 if self.mode == "fan_in" else 1]
        _fill(weight, _gain(slope) / math.sqrt(fan), self.distribution, generator)


class Lecun(Initialization):
    """Variance 1 / fan_in: keeps the variance of activations through layers whose activation is about linear.

    Use: SELU, which depends on it; tanh.

    Avoid: ReLU in deep plain networks: variance halves at each layer; take kaiming.

    Cost: nothing at run time.
    """

    key = "lecun"
    papers = ("LeCun, Bottou, Orr, Müller: Efficient BackProp, 1998", "arXiv:1706.02515")
    conflicts = {"activation.relu": "leaves out the factor 2 that ReLU needs: take kaiming"}

    distribution: Literal["uniform", "normal"] = Field(default="normal", description="shape of the distribution")

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        _fill(weight, 1 / math.sqrt(fans(weight, groups)[0]), self.distribution, generator)


class Orthogonal(Initialization):
    """The filters of each group as the rows of a matrix (out, in * kh * kw) that is orthonormal times a gain: rows, or
    columns where there are more rows. The gain is sqrt(2 / (1 + slope^2)) before (leaky) ReLU and 1 before others.

    Use: very deep plain networks: no direction of the signal is stretched or lost.

    Avoid: expecting anything of it behind batch norm (0.1 points from LSUV on CaffeNet).

    Cost: a QR decomposition of each weight before training; seconds for linear layers of many thousand features.
    """

    key = "orthogonal"
    papers = ("arXiv:1312.6120",)
    evidence = ("bn_after_ortho",)

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        _orthogonal(weight, _gain(slope), groups, generator)


class Lsuv(Initialization):
    """Layer-sequential unit variance: orthonormal filters; then, layer by layer, each is scaled until its output on the
    first training batch has variance 1. The batch is that of the first step, in evaluation mode.

    Use: networks without norm, above all with ELU, maxout or tanh, or with branches, where no formula holds.

    Avoid: batch norm behind every layer, which divides the scale out again.

    Cost: one forward pass of one batch before training.
    """

    key = "lsuv"
    papers = ("arXiv:1511.06422",)
    evidence = ("bn_after_ortho",)
    conflicts = {"normalization.batch": "divides the scale out that LSUV sets"}

    tolerance: float = Field(default=0.1, gt=0, lt=1, description="distance from variance 1 that is close enough")
    max_iterations: int = Field(default=10, ge=1, le=1000, description="scalings of one layer at most")

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        _orthogonal(weight, 1.0, groups, generator)


class Dirac(Initialization):
    """Partial identity: of each group the first filters, as many as it has input channels, hand their channel on
    unchanged; the others, and linear layers, are uniform with variance 1 / (3 * fan_in), torch's own default.

    Use: short trainings of plain networks of 3x3 convolutions with norm.

    Avoid: networks without norm, where the other filters are too small; kernels of even size, which have no middle.

    Cost: nothing at run time.
    """

    key = "dirac"
    papers = ("arXiv:2404.00498", "arXiv:1706.00388")

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        from torch.nn.init import dirac_

        _fill(weight, math.sqrt(1 / (3 * fans(weight, groups)[0])), "uniform", generator)
        for filters in weight.chunk(groups) if weight.dim() == 4 else ():
            dirac_(filters[: weight.shape[1]])


class Whitening(Initialization):
    """Patch whitening: the filters are the principal directions of the patches that the layer sees in the first
    training batch, longest first, each divided by the root of its variance + `eps`, and once more with the opposite
    sign. The outputs are uncorrelated and of variance 1. The weight is not trained, only its bias.

    Use: as `init` of the first convolution, with a small kernel, 2 * C * k * k channels (24 for RGB and kernel 2),
    stride 1 and a bias, in short trainings.

    Avoid: deeper layers; large kernels, whose last directions are noise; long trainings, which learn the same filters.

    Cost: the eigenvectors of one matrix before training; no gradient of the weight in it.
    """

    key = "whitening"
    papers = ("arXiv:2404.00498", "Page: How to train your ResNet 8, 2019")
    everywhere: ClassVar[bool] = False

    eps: float = Field(default=5e-4, gt=0, le=10, description="added to the variances, so that noise stays small")
    trained: bool = Field(default=False, description="whether training changes the weight as well")

    @property
    def trains(self) -> bool:
        return self.trained

    def problem(self, weight: tuple[int, ...], groups: int) -> str | None:
        most = 2 * math.prod(weight[1:])
        if groups > 1 or len(weight) != 4:
            return "whitening is for convolutions of one group; take another init here"
        if weight[0] % 2 or weight[0] > most:
            return f"whitening makes an even number of filters, here {most} at most, not {weight[0]}"
        return None

    def build(self, weight: "Tensor", slope: float | None, groups: int, generator: "Generator") -> None:
        _orthogonal(weight, 1.0, groups, generator)  # until `nn.settle` sees images


def fans(weight: "Tensor", groups: int) -> tuple[int, int]:
    """(fan_in, fan_out) of one group: torch's fan_out counts all groups, which is wrong for depthwise filters."""
    window = math.prod(weight.shape[2:])
    return weight.shape[1] * window, max(weight.shape[0] // groups, 1) * window


def _gain(slope: float | None) -> float:
    """What makes up for a (leaky) ReLU, which keeps (1 + slope^2) / 2 of the mean square."""
    return 1.0 if slope is None else math.sqrt(2 / (1 + slope**2))


def _orthogonal(weight: "Tensor", gain: float, groups: int, generator: "Generator") -> None:
    from torch.nn.init import orthogonal_

    for filters in weight.chunk(groups):  # all groups as one matrix would leave depthwise filters far too small
        orthogonal_(filters, gain, generator=generator)


def _fill(weight: "Tensor", std: float, distribution: str, generator: "Generator") -> None:
    if distribution == "normal":
        weight.normal_(0.0, std, generator=generator)
    else:
        bound = math.sqrt(3) * std  # standard deviation of U(-b, b) is b / sqrt(3)
        weight.uniform_(-bound, bound, generator=generator)


INITIALIZATIONS: tuple[type[Initialization], ...] = (
    Kaiming,
    Xavier,
    Lecun,
    Orthogonal,
    Lsuv,
    Gaussian,
    Dirac,
    Whitening,
)
