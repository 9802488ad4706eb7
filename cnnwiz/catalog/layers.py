"""Single layers: pooling and the pieces a user may place by hand (convolutions are in `unit`), and the table of all."""

from pydantic import Field

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.layer import Channels, Layer, Net, Padding, Size, Tap, sides
from cnnwiz.catalog.normalization import Normalization
from cnnwiz.catalog.operation import pair
from cnnwiz.catalog.pooling import Pooling, PoolWindow
from cnnwiz.catalog.primitive import Drop, Flatten, Linear
from cnnwiz.catalog.rearrange import AdaptivePool2d
from cnnwiz.catalog.unit import Conv, Pointwise, Shuffle


class Pool(Layer):
    """Pooling over a sliding window, of the kind of `model.defaults.pool`.

    Use: kernel 3, stride 2 (overlapping) or kernel 2, stride 2 to halve the map.

    Avoid: pooling maps that are already below 8 px: the classifier then sees one position.

    Cost: no parameters, unless the kind is strided_conv.
    """

    key = "pool"
    evidence = ("pool_max_plus_avg", "pool_avg")

    kernel: Size = Field(description="side of the window, or [height, width]")
    stride: Size = Field(default=1, description="step of the window; 2 halves the map")
    padding: Padding = Field(default="same", description="same, valid, a number or [height, width]")
    ceil: bool = Field(default=False, description="keep a last window that is only partly filled, as Caffe does")
    kind: Pooling | None = Field(default=None, description="which pooling; without this key model.defaults.pool")

    def wire(self, net: Net, source: Tap) -> Tap:
        kernel = pair(self.kernel)
        window = PoolWindow(kernel, pair(self.stride), sides(self.padding, kernel), self.ceil)
        return (self.kind or net.pooling).wire(net, source, window)


class AdaptivePool(Layer):
    """Pooling to a map of `size` positions, whatever the size of the input.

    Use: in front of a flatten head that must take several image sizes, as torchvision's AlexNet and VGG do; size 1
    inside a branch that weighs channels.

    Avoid: in front of a `conv` head, which gains by averaging over a larger map.

    Cost: no parameters.
    """

    key = "adaptive_pool"

    size: Size = Field(description="positions of the output, or [height, width]")
    largest: bool = Field(default=False, description="the largest value of each window instead of the mean")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(AdaptivePool2d(size=pair(self.size), largest=self.largest), source, name="adaptive")


class Norm(Layer):
    """A normalization on its own.

    Use: behind the last unit of a pre-activation network, or on the input.

    Avoid: right behind a `conv` that already has one.

    Cost: that of the norm.
    """

    key = "norm"
    kind: Normalization | None = Field(default=None, description="which norm; without this key model.defaults.norm")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(self.kind or net.norm, source, name="norm")


class Act(Layer):
    """An activation on its own.

    Use: behind the last unit of a pre-activation network, or behind `branches` that end without one.

    Avoid: right behind a `conv` that already has one.

    Cost: that of the activation.
    """

    key = "activation"
    kind: Activation | None = Field(
        default=None, description="which activation; without this key model.defaults.activation"
    )

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(self.kind or net.activation, source, name="act")


class FullyConnected(Layer):
    """A fully connected layer with its activation; a map is flattened first.

    Use: the hidden layers of AlexNet-style classifiers.

    Avoid: large maps: it holds C * H * W * features weights and fixes the input size.

    Cost: features * inputs multiply-adds.
    """

    key = "linear"
    features: Channels = Field(description="outputs")
    bias: bool = Field(default=True, description="add a bias")
    activation: Activation | None = Field(default=None, description="without this key model.defaults.activation")

    def wire(self, net: Net, source: Tap) -> Tap:
        if len(source.shape) == 3:
            source = net.add(Flatten(), source, name="flatten")
        activation = self.activation or net.activation
        linear = Linear(features=self.features * activation.inputs(), bias=self.bias)
        return net.add(activation, net.add(linear, source, name="linear"), name="act")


class Dropout(Layer):
    """Dropout: while training each value is set to 0 with probability `rate` and the rest is scaled by 1 / (1 - rate).

    Use: between fully connected layers; before the classifier (there the head has its own `dropout`). Without norm,
    rate 0.3 gained 2.6 points over 0.5 on CaffeNet; with batch norm 0.2 gained 2.8.

    Avoid: in front of a batch norm, which then stores the wrong variance; inside convolutional trunks, where CaffeNet
    lost 4.5 points.

    Cost: one random number per value while training, nothing afterwards.
    """

    key = "dropout"
    papers = ("arXiv:1207.0580", "Srivastava et al.: JMLR 15 (2014)")
    evidence = ("reg_drop03", "bn_drop02", "misc_conv_dropout")
    conflicts = {
        "normalization.batch": "a batch norm behind dropout stores the variance of training, not that of evaluation"
    }

    rate: float = Field(default=0.5, ge=0, lt=1, description="probability of setting a value to 0")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(Drop(rate=self.rate), source, name="dropout")


LAYERS: tuple[type[Layer], ...] = (
    Conv,
    Pointwise,
    Shuffle,
    Pool,
    AdaptivePool,
    Norm,
    Act,
    FullyConnected,
    Dropout,
)
