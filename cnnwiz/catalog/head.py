"""Heads: what turns the last map into one score per class."""

from pydantic import Field

from cnnwiz.catalog.activation import Activation, NoActivation
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.layer import Channels, Net, Size, Tap
from cnnwiz.catalog.operation import pair
from cnnwiz.catalog.primitive import Convolution2d, Drop, Flatten, GlobalAverage, Linear, UnitLength
from cnnwiz.catalog.rearrange import Scale


class Head(Choice):
    """The end of the network."""

    section = "head"

    def wire(self, net: Net, source: Tap, classes: int) -> Tap:
        """Add the operations from the last map to (classes,) scores before any softmax."""
        raise NotImplementedError(f"{type(self).__name__}.wire")


class AverageHead(Head):
    """Global average pooling, dropout if wanted, one linear layer.

    Use: the default; takes any input size and holds few parameters.

    Avoid: tasks where the position of the object decides the class.

    Cost: C * classes parameters.
    """

    key = "average"
    papers = ("arXiv:1312.4400",)
    evidence = ("clf_conv_avg_clf_relu",)

    dropout: float = Field(default=0.0, ge=0, lt=1, description="rate of dropout before the linear layer")
    bias: bool = Field(default=True, description="whether the linear layer has one")
    scale: float = Field(
        default=1.0, gt=0, le=1000, description="what scores are multiplied by; below 1 the start is less certain"
    )

    def wire(self, net: Net, source: Tap, classes: int) -> Tap:
        source = net.add(GlobalAverage(), source, name="pool")
        if self.dropout:
            source = net.add(Drop(rate=self.dropout), source, name="dropout")
        source = net.add(Linear(features=classes, bias=self.bias, role="classifier"), source, name="linear")
        return source if self.scale == 1 else net.add(Scale(factor=self.scale), source, name="scale")


class FlattenHead(Head):
    """The last map flattened, hidden linear layers with activation and dropout, then one linear layer.

    Use: AlexNet- and VGG-style networks; maps of a few positions where position matters.

    Avoid: training or predicting at several image sizes: the first linear layer fixes the map size.

    Cost: C * H * W * features parameters for the first layer, often most of the network.
    """

    key = "flatten"
    evidence = ("clf_elu_fc8ave", "clf_fc4096", "reg_drop03")

    hidden: tuple[Channels, ...] = Field(default=(), max_length=8, description="features of the hidden layers")
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="rate of dropout before each linear layer but the first hidden one"
    )
    activation: Activation | None = Field(
        default=None, description="of the hidden layers; without this key the default one"
    )

    def wire(self, net: Net, source: Tap, classes: int) -> Tap:
        if len(source.shape) == 3:
            source = net.add(Flatten(), source, name="flatten")
        for index, features in enumerate(self.hidden, 1):
            activation = self.activation or net.activation
            source = net.add(Linear(features=features * activation.inputs()), source, name=f"linear{index}")
            source = net.add(activation, source, name=f"act{index}")
            if self.dropout:
                source = net.add(Drop(rate=self.dropout), source, name=f"dropout{index}")
        if self.dropout and not self.hidden:
            source = net.add(Drop(rate=self.dropout), source, name="dropout")
        return net.add(Linear(features=classes, role="classifier"), source, name="linear")


class ConvHead(Head):
    """Fully connected layers as convolutions: hidden ones and the classifier slide over the last map, and the scores of
    all positions are averaged. The first takes `kernel` without padding, the others 1x1.

    Use: AlexNet- and VGG-style classifiers (2.4 points on CaffeNet), images larger than the network was made for;
    without hidden layers the end of NiN and SqueezeNet.

    Avoid: a kernel as large as the map at one image size: that is `flatten`, and nothing is averaged.

    Cost: C * k * k * features parameters for the first layer, applied at every position.
    """

    key = "conv"
    papers = ("arXiv:1312.4400", "arXiv:1312.6229", "arXiv:1411.4038", "arXiv:1606.02228")
    evidence = ("clf_conv_clf_avg_relu", "clf_conv_avg_clf_relu")

    hidden: tuple[Channels, ...] = Field(default=(), max_length=8, description="channels of the hidden layers")
    kernel: Size = Field(default=1, description="side of the first convolution's window")
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="rate of dropout before each convolution but the first hidden one"
    )
    activation: Activation | None = Field(
        default=None, description="of the hidden layers; without this key the default one"
    )
    final: Activation = Field(default=NoActivation(), description="of the scores before they are averaged; relu in NiN")

    def wire(self, net: Net, source: Tap, classes: int) -> Tap:
        kernel = pair(self.kernel)
        for index, channels in enumerate(self.hidden, 1):
            source = net.add(Convolution2d(channels=channels, kernel=kernel), source, name=f"conv{index}")
            source = net.add(self.activation or net.activation, source, name=f"act{index}")
            if self.dropout:
                source = net.add(Drop(rate=self.dropout), source, name=f"dropout{index}")
            kernel = (1, 1)
        if self.dropout and not self.hidden:
            source = net.add(Drop(rate=self.dropout), source, name="dropout")
        scores = net.add(Convolution2d(channels=classes, kernel=kernel, role="classifier"), source, name="scores")
        return net.add(GlobalAverage(), net.add(self.final, scores, name="act"), name="pool")


class EmbeddingHead(Head):
    """An embedding: the last map averaged or flattened, then one linear layer to `features` numbers that place an image
    among others. There are no scores; the loss compares embeddings, or turns them into scores for training only.

    Use: task embed: verification and retrieval, also of classes that training never sees.

    Avoid: a fixed set of classes, which a classifier tells apart better.

    Cost: C * features parameters, times H * W with `flatten`.
    """

    key = "embedding"
    papers = ("arXiv:1503.03832",)

    features: Channels = Field(default=128, description="numbers in an embedding")
    flatten: bool = Field(
        default=False, description="feed every position of the last map instead of averages, as for aligned faces"
    )
    normalize: bool = Field(
        default=False,
        description="end in vectors of length 1, as triplet makes them anyway; softmax losses then learn slowly",
    )

    def wire(self, net: Net, source: Tap, classes: int) -> Tap:
        if len(source.shape) == 3:
            source = net.add(Flatten() if self.flatten else GlobalAverage(), source, name="pool")
        source = net.add(Linear(features=self.features), source, name="linear")
        return net.add(UnitLength(), source, name="length") if self.normalize else source


HEADS: tuple[type[Head], ...] = (AverageHead, FlattenHead, ConvHead, EmbeddingHead)
