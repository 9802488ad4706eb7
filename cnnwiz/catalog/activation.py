"""Activations: element-wise non-linearities."""

from typing import TYPE_CHECKING

from pydantic import Field

from cnnwiz.catalog.operation import Operation, Shape

if TYPE_CHECKING:
    from torch import nn


class Activation(Operation):
    """What follows a convolution or hidden layer and makes the network more than one linear map."""

    section = "activation"

    def inputs(self) -> int:
        """Channels that become one: more than 1 makes the layer in front that many times as wide."""
        return 1

    def slope(self) -> float | None:
        """Slope for negative inputs if the activation is (leaky) ReLU-like, else None; Kaiming's gain needs it."""
        return None


class Relu(Activation):
    """Rectified linear unit, max(0, x).

    Use: with batch norm, or as the plain default: the cheapest activation and the best documented.

    Avoid: deep networks without normalization, where ELU gained 1.7 points on CaffeNet at 128 px.

    Cost: one comparison per value, no parameters.
    """

    key = "relu"
    papers = ("Nair, Hinton: ICML 2010",)
    evidence = ("act_elu", "bn_elu", "bn_after")
    conflicts = {
        "initialization.xavier": "Xavier leaves out the factor 2 that ReLU needs: variance halves at each layer"
    }

    cap: float | None = Field(
        default=None, gt=0, le=1000, description="largest value, 6 in MobileNetV2; without this key there is none"
    )

    def slope(self) -> float | None:
        return 0.0

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.ReLU() if self.cap is None else nn.Hardtanh(0.0, self.cap)


class LeakyRelu(Activation):
    """Leaky ReLU: x for x > 0, slope * x below, so that no unit is ever without a gradient.

    Use: where many ReLU units die; in Darknet-style networks (slope 0.1).

    Avoid: expecting a gain over ReLU as such: slope 1/3 tied with it on CaffeNet (-0.2 points).

    Cost: one multiplication per negative value, no parameters.
    """

    key = "leaky_relu"
    papers = ("Maas, Hannun, Ng: ICML 2013",)
    evidence = ("act_vlrelu",)

    negative_slope: float = Field(default=0.01, ge=0, lt=1, description="slope for negative inputs")

    def slope(self) -> float | None:
        return self.negative_slope

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.LeakyReLU(self.negative_slope)


class Elu(Activation):
    """Exponential linear unit: x for x > 0, alpha * (exp(x) - 1) below; mean activations come close to zero.

    Use: networks without normalization: 0.488 against 0.471 for ReLU on CaffeNet at 128 px.

    Avoid: together with batch norm (0.498 against 0.499 for ReLU, and slower); alpha 1 in plain networks of 13 or more
    convolutions without norm or shortcuts, where VGG-16 diverged: take alpha 0.5.

    Cost: one exponential per negative value, no parameters.
    """

    key = "elu"
    papers = ("arXiv:1511.07289",)
    evidence = ("act_elu", "bn_elu", "arch_vgg16_elu1")
    conflicts = {"normalization.batch": "no gain over ReLU once batch norm is there"}

    alpha: float = Field(
        default=1.0, gt=0, le=10, description="value approached for very negative inputs, with its sign changed"
    )

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.ELU(self.alpha)


class Sigmoid(Activation):
    """Logistic sigmoid, 1 / (1 + exp(-x)): values in (0, 1), gradient at most 1/4.

    Use: as a gate or output; as a hidden activation only to reproduce early networks, with batch norm.

    Avoid: more than a few hidden layers: each shrinks the gradient by 4 or more. With batch norm it reached 0.475 where
    ReLU reached 0.499 on CaffeNet.

    Cost: one exponential per value, no parameters.
    """

    key = "sigmoid"
    papers = ("Rumelhart, Hinton, Williams: Nature 1986",)
    evidence = ("bn_sigmoid",)
    conflicts = {
        "initialization.kaiming": "Kaiming's factor 2 is for ReLU; Xavier fits a symmetric, about linear activation"
    }

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.Sigmoid()


class Tanh(Activation):
    """Hyperbolic tangent: values in (-1, 1), odd, slope 1 at 0.

    Use: bounded features, early networks; with Xavier or LeCun initialization.

    Avoid: several hidden layers without norm: it lost 7.0 points on CaffeNet, and still 5.1 with batch norm; large
    learning rates, at which it did not begin to learn.

    Cost: two exponentials per value, no parameters.
    """

    key = "tanh"
    papers = ("LeCun, Bottou, Orr, Müller: Efficient BackProp, 1998",)
    evidence = ("act_tanh", "bn_tanh")
    conflicts = {
        "initialization.kaiming": "Kaiming's factor 2 is for ReLU; Xavier fits a symmetric, about linear activation"
    }

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.Tanh()


class Selu(Activation):
    """Scaled ELU: s * x for x > 0, s * a * (exp(x) - 1) below, with a = 1.6733 and s = 1.0507, which draw the values of
    every layer to mean 0 and variance 1.

    Use: deep stacks of fully connected layers, with LeCun initialization, standardized input and alpha dropout.

    Avoid: convolutional networks with shortcuts or max pooling, where nothing is gained (-0.1 points on CaffeNet);
    batch norm and ordinary dropout, which undo what it does.

    Cost: one exponential per negative value, no parameters.
    """

    key = "selu"
    papers = ("arXiv:1706.02515",)
    evidence = ("act_selu",)
    conflicts = {
        "initialization.xavier": "its fixed point needs weights of variance 1 / fan_in: take lecun",
        "initialization.kaiming": "made for ReLU; its fixed point needs weights of variance 1 / fan_in: take lecun",
        "initialization.gaussian": "its fixed point needs weights of variance 1 / fan_in: take lecun",
        "normalization.batch": "normalizes once more what normalizes itself",
        "layer.dropout": "zeros change mean and variance: take alpha_dropout",
        "layer.residual": "a sum of two terms of unit variance has variance 2",
    }

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.SELU()


class Gelu(Activation):
    """Gaussian error linear unit: x * P(N(0, 1) <= x), a smooth ReLU that dips to -0.17 below 0.

    Use: ConvNeXt-like networks and others published with it.

    Avoid: 8-bit targets, and wherever ReLU does as well: it is several times as slow on a CPU.

    Cost: one error function per value (a tanh where approximate), no parameters.
    """

    key = "gelu"
    papers = ("arXiv:1606.08415",)

    approximate: bool = Field(default=False, description="by tanh: 0.5 x (1 + tanh(0.7979 (x + 0.044715 x^3)))")

    def slope(self) -> float | None:
        return 0.0  # it keeps 0.43 of a unit Gaussian's mean square, ReLU 0.50

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.GELU("tanh" if self.approximate else "none")


class Silu(Activation):
    """Sigmoid linear unit, or Swish: x / (1 + exp(-x)), a smooth ReLU that dips to -0.28 below 0.

    Use: EfficientNet-like networks and others published with it.

    Avoid: 8-bit targets, and wherever ReLU does as well: it is several times as slow on a CPU.

    Cost: one exponential per value, no parameters.
    """

    key = "silu"
    papers = ("arXiv:1702.03118", "arXiv:1710.05941")

    def slope(self) -> float | None:
        return 0.0  # it keeps 0.36 of a unit Gaussian's mean square, ReLU 0.50

    def build(self, *inputs: Shape) -> "nn.Module":
        from torch import nn

        return nn.SiLU()


class NoActivation(Activation):
    """No activation: the layer stays linear.

    Use: the last convolution of a residual body, linear bottlenecks, the depthwise half of a separable convolution.

    Avoid: between ordinary layers: two linear layers are one, and CaffeNet lost 8.2 points without activations.

    Cost: nothing.
    """

    key = "none"
    evidence = ("act_none_maxpool",)


ACTIVATIONS: tuple[type[Activation], ...] = (Relu, LeakyRelu, Elu, Selu, Gelu, Silu, Sigmoid, Tanh, NoActivation)
