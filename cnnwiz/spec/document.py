"""The document: what a spec consists of. Choices are in `catalog/`; here are the mappings that hold them."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from cnnwiz.catalog.activation import Activation, Relu
from cnnwiz.catalog.augmentation import Augmentation
from cnnwiz.catalog.choice import Part
from cnnwiz.catalog.convolution import Convolution, Standard
from cnnwiz.catalog.dropout import StochasticDepth
from cnnwiz.catalog.head import AverageHead, Head
from cnnwiz.catalog.initialization import Initialization, Kaiming
from cnnwiz.catalog.input import Input
from cnnwiz.catalog.layer import Layer, Order
from cnnwiz.catalog.lookahead import Lookahead
from cnnwiz.catalog.loss import CrossEntropy, Loss
from cnnwiz.catalog.normalization import BatchNorm, Normalization
from cnnwiz.catalog.optimizer import Optimizer, Sgd
from cnnwiz.catalog.pooling import Max, Pooling
from cnnwiz.catalog.regularization import Regularization
from cnnwiz.catalog.sampler import Sampler, Shuffle
from cnnwiz.catalog.schedule import LinearDecay, Schedule
from cnnwiz.catalog.source import Digits, Source
from cnnwiz.spec.phase import Phase, Side

if TYPE_CHECKING:
    from typing_extensions import Self

FORMAT = 1
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Images = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Validation(Part):
    """The part of the training images kept for validation, when the source has no validation set of its own."""

    fraction: float = Field(
        default=0.1, ge=0, le=0.9, description="share of each class, or of the classes; 0 trains on all"
    )
    seed: Seed = Field(default=0, description="which images; the same on every machine")


class Audit(Part):
    """What was found out about the images; `cnnwiz lint` weighs it, training does not read it."""

    label_errors: float | None = Field(
        default=None, ge=0, le=1, description="share of wrong labels among those that were looked at again"
    )
    learning_curve: tuple[tuple[Images, Share], ...] | None = Field(
        default=None,
        max_length=100,
        description="[images, accuracy] of trainings on parts of the training set, accuracy from 0 to 1",
    )


class Data(Part):
    """Which images, and the one preprocessing that training, validation, prediction and export share."""

    source: Source = Field(default=Digits(), description="where the images come from")
    image_size: Side | None = Field(
        default=None, description="side of the network's input in pixels; default: that of the source"
    )
    canvas: Side | None = Field(
        default=None,
        description="side images are resized and centre-cropped to first; default: image_size, or 8/7 of it for photos",
    )
    channels: Literal[1, 3] | None = Field(
        default=None, description="1 for grey, 3 for RGB; without this key that of the source"
    )
    classes: int | None = Field(
        default=None, ge=2, le=1_000_000, description="number of classes, when the data is not here to count"
    )
    split: Literal["images", "classes"] = Field(
        default="images",
        description="validation and test hold other images of the trained classes, or images of other classes only",
    )
    normalize: Literal["dataset", "imagenet", "none"] = Field(
        default="dataset",
        description="mean and deviation per channel: of the training images, of ImageNet, or only division by 255",
    )
    validation: Validation = Field(default=Validation(), description="share of the training images kept for validation")
    audit: Audit | None = Field(default=None, description="what is known about the quality of the data, for lint")


class Defaults(Part):
    """What every layer uses unless it says otherwise."""

    conv: Convolution = Field(default=Standard(), description="kind of convolution")
    order: Order = Field(default="conv-norm-act", description="order of convolution, norm and activation in a layer")
    norm: Normalization = Field(default=BatchNorm(), description="normalization")
    activation: Activation = Field(default=Relu(), description="activation")
    pool: Pooling = Field(default=Max(), description="kind of pooling")
    init: Initialization = Field(default=Kaiming(), description="initial values of the weights")
    zero_gamma: bool = Field(
        default=False, description="start the norm that ends a residual body at scale 0: it adds nothing at first"
    )
    stochastic_depth: StochasticDepth | None = Field(
        default=None, description="leave out residual bodies at random while training"
    )

    @model_validator(mode="after")
    def _everywhere(self) -> "Self":
        if not self.init.everywhere:
            raise ValueError(f"init: {self.init.key} is for one layer; write it into a conv of model.layers")
        return self


_FROM: dict[str, Any] = {
    "from": (
        str | None,
        Field(
            default=None,
            min_length=1,
            max_length=4096,
            description="run directory whose best weights this training begins with; its head only if classes agree",
        ),
    )
}
"""`from` is the word for it, and no name that Python allows in a class body."""


class Model(create_model("Origin", __base__=Part, __module__=__name__, **_FROM)):
    """The network: defaults, what is done to its input, layers from there to the output, and the head that ends it."""

    defaults: Defaults = Field(default=Defaults(), description="what every layer uses unless it says otherwise")
    input: tuple[Input, ...] = Field(
        default=(), max_length=8, description="what is done to the image before the first layer, in order"
    )
    layers: tuple[Layer, ...] = Field(
        min_length=1, max_length=1000, description="layers and blocks from input to output"
    )
    head: Head = Field(default=AverageHead(), description="from the last map to one score per class")

    @property
    def origin(self) -> str | None:
        """The value of the key `from`."""
        return getattr(self, "from")


class Training(Part):
    """How long, how many images at a time, and in which arithmetic."""

    batch_size: int = Field(
        default=128, ge=1, le=65536, description="images per step, over all devices and micro-batches"
    )
    sampler: Sampler = Field(default=Shuffle(), description="which images meet in a batch")
    micro_batch: int | None = Field(
        default=None,
        ge=1,
        le=65536,
        description="images in memory at once; gradients add up to the batch. Batch norm sees this many",
    )
    epochs: int = Field(default=30, ge=1, le=100_000, description="passes over the training images")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="arithmetic of the network; auto takes bfloat16 where the device has it in hardware"
    )
    compile: bool = Field(
        default=False,
        description="generate code for the network with torch.compile: faster on a GPU, a minute or more at the start",
    )
    gradient_clip: float | None = Field(
        default=None, gt=0, le=1e6, description="largest norm of the gradient; larger ones are scaled"
    )
    ema: float | None = Field(
        default=None,
        ge=0.5,
        lt=1,
        description="decay per step of an average of the weights, which is then what is evaluated and kept",
    )
    lookahead: Lookahead | None = Field(
        default=None, description="slow weights that follow the trained ones, which go on from there"
    )
    layer_decay: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="factor on the learning rate for each line of model.layers, counted from the head: less in front",
    )
    sync_batch_norm: bool = Field(
        default=True,
        description="on several devices batch norm sees the images of all of them, as on one; false is faster",
    )
    seed: Seed = Field(default=0, description="first weights, order of images, augmentation, dropout")


class Spec(Part):
    """Everything that is decided about one network and its training."""

    cnnwiz: Literal[1] = Field(description="version of this format")
    name: str = Field(
        default="network", min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="a word"
    )
    task: Literal["classify", "embed", "detect"] = Field(
        default="classify",
        description="to name the class of an image, to place images by likeness (verification, retrieval), or to find "
        "objects and draw boxes around them",
    )
    data: Data = Field(default=Data(), description="which images")
    augment: tuple[Augmentation, ...] = Field(
        default=(), max_length=32, description="random changes to training images, in order"
    )
    model: Model = Field(description="the network")
    loss: Loss = Field(default=CrossEntropy(), description="what training makes small")
    regularization: Regularization = Field(default=Regularization(), description="penalties on the weights")
    optimizer: Optimizer = Field(default=Sgd(), description="how gradients change the weights")
    schedule: Schedule = Field(default=LinearDecay(), description="the learning rate over training")
    training: Training = Field(default=Training(), description="epochs, batch size, precision")
    phases: tuple[Phase, ...] = Field(
        default=(), max_length=100, description="stretches of training, one after the other, each with what it changes"
    )
