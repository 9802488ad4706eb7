"""Input transforms: what the network does to an image before its first layer, in `model.input`."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.activation import Activation
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.layer import Net, Tap
from cnnwiz.catalog.operation import Shape, ShapeError, Window
from cnnwiz.catalog.primitive import Convolution2d, Primitive, show
from cnnwiz.catalog.rectifier import VeryLeakyRelu

if TYPE_CHECKING:
    from torch import nn


Space = Literal["grayscale", "hsv", "ycbcr"]
Count = Annotated[int, Field(ge=2, le=1024)]


class Input(Choice):
    """A line in `model.input`: it wires one or more operations between the image and the first layer."""

    section = "input"

    def wire(self, net: Net, source: Tap) -> Tap:
        """Add this transform's operations behind `source` and return where it ends."""
        raise NotImplementedError(f"{type(self).__name__}.wire")


class ColorTransform(Input):
    """A learned colour space: a 1x1 convolution from RGB to `hidden` channels, an activation, a 1x1 convolution back to
    three channels, and the activation again.

    Use: in front of the first convolution of any network for RGB images; 1.4 points on CaffeNet, 1.7 with maxout, 0.4
    on GoogLeNet.

    Avoid: tanh between, which lost 0.8 points; grey images; weights that were trained on plain RGB.

    Cost: 73 parameters with 10 hidden channels, 60 multiply-adds a pixel.
    """

    key = "color_transform"
    papers = ("arXiv:1606.02228",)
    evidence = (
        "col_learn_10_3_vlrelu",
        "col_learn_10_3_maxout",
        "col_learn_3_3",
        "col_learn_10_3_tanh",
        "gln_res_color",
    )
    conflicts = {"activation.tanh": "lost 0.8 points where leaky ReLU gained 1.4"}

    hidden: int = Field(default=10, ge=1, le=1024, description="channels between the two 1x1 convolutions")
    activation: Activation = Field(default=VeryLeakyRelu(), description="behind both of them")

    def wire(self, net: Net, source: Tap) -> Tap:
        for number, channels in enumerate((self.hidden, source.shape[0]), 1):
            mixed = Convolution2d(channels=channels * self.activation.inputs(), kernel=(1, 1))
            source = net.add(mixed, source, name=f"conv{number}")
            source = net.add(self.activation, source, name=f"act{number}")
        return source


class ColorSpace(Input):
    """A fixed colour space. grayscale: 0.299 R + 0.587 G + 0.114 B, one channel; ycbcr: that, and blue and red minus
    it, scaled to 0..1 around 0.5 (JPEG); hsv: hue, saturation and value in 0..1, hue 0 and 1 both being red.

    Use: grayscale or ycbcr where brightness should be apart from colour and the data are too few to learn that.

    Avoid: where `color_transform` can learn a better one; hsv for greyish images, whose hue is noise. It reads values
    of 0 to 1: write `data: {normalize: none}`, and a norm behind it if values should be centred.

    Cost: no parameters, some ten operations a pixel.
    """

    key = "color_space"
    papers = ("ITU-R BT.601", "Smith: SIGGRAPH 1978")

    space: Space = Field(description="what the colours are turned into")

    def wire(self, net: Net, source: Tap) -> Tap:
        return net.add(Recolor(space=self.space), source, name="color")


class PolarMap(Input):
    """What polar and log_polar share."""

    logarithmic: ClassVar[bool]

    size: tuple[Count, Count] | None = Field(
        default=None, description="[angles, radii] of the map; without this key [height, width] of the image"
    )
    radius: float = Field(
        default=0.7071,
        gt=0,
        le=2,
        description="largest radius as share of the shorter side; 0.5 is the inscribed circle, 0.7071 reaches corners",
    )
    centre: Literal["image", "learned"] = Field(
        default="image",
        description="origin: the image's middle, or the centroid of a map of weights that two 3x3 convolutions make",
    )
    overlap: int = Field(
        default=0,
        ge=0,
        le=64,
        description="rows repeated beyond the full turn at both ends, for later convolutions with padding [0, n]",
    )

    def wire(self, net: Net, source: Tap) -> Tap:
        sample = PolarSample(logarithmic=self.logarithmic, size=self.size, radius=self.radius, overlap=self.overlap)
        if self.centre == "image":
            return net.add(sample, source, name="polar")
        channels = ORIGIN_CHANNELS * net.activation.inputs()
        around = (1, 1, 1, 1)
        found = net.add(Convolution2d(channels=channels, kernel=(3, 3), padding=around), source, name="origin1")
        found = net.add(net.activation, found, name="act")
        found = net.add(Convolution2d(channels=1, kernel=(3, 3), padding=around), found, name="origin2")
        return net.add(sample, source, found, name="polar")


ORIGIN_CHANNELS = 8  # of the hidden layer that looks for the origin


class Polar(PolarMap):
    """Polar coordinates: row i is the angle 2 pi i / angles (clockwise from the right), column j the radius
    R j / (radii - 1). A rotation of the image is a circular shift of rows. Sampling is bilinear, zero outside.

    Use: one centred object that appears at any angle.

    Avoid: several objects, or none in the centre; crops that move the centre. Convolutions pad the angle axis with
    zeros although it is periodic, unless `overlap` is the rows that all of them together lose without padding there.

    Cost: four reads a pixel; a learned centre 8 * 9 * (channels + 1) weights, as many multiply-adds a pixel.
    """

    key = "polar"
    papers = ("arXiv:1709.01889",)
    conflicts = {
        "augmentation.random_crop": "a crop moves the origin",
        "augmentation.random_resized_crop": "a crop moves the origin",
    }
    logarithmic: ClassVar[bool] = False


class LogPolar(PolarMap):
    """Log-polar coordinates: as polar, but column j is the radius R^(j / (radii - 1)), from 1 px to R. A rotation of
    the image is a circular shift of rows, a change of scale a shift of columns.

    Use: one centred object that appears at any angle and in several sizes.

    Avoid: as polar; small images, whose centre of radius 1 px is left out and whose middle takes most columns.

    Cost: as polar.
    """

    key = "log_polar"
    papers = ("arXiv:1709.01889",)
    conflicts = Polar.conflicts
    logarithmic: ClassVar[bool] = True


class Recolor(Primitive):
    """(3, H, W) of 0..1 in another colour space."""

    key = "color_space"
    space: Space

    def output(self, *inputs: Shape) -> Shape:
        if inputs[0][0] != 3:
            raise ShapeError(
                f"{self.space} is made of red, green and blue, not of {inputs[0][0]} channels",
                "write data.channels: 3 for colour images, or leave color_space out",
            )
        return (1 if self.space == "grayscale" else 3, *inputs[0][1:])

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.input import Recolor

        return Recolor(self.space)


class PolarSample(Primitive):
    """(C, H, W) resampled at angles and radii, around the centroid of a second input (1, H, W) where there is one.

    Receptive fields behind it are given in pixels of the new map, whose extent in the image differs by the column.
    """

    key = "polar"
    logarithmic: bool
    size: tuple[int, int] | None
    radius: float
    overlap: int

    def output(self, *inputs: Shape) -> Shape:
        channels, *sides = inputs[0]
        angles, radii = self.size or (sides[0], sides[1])
        largest = self._pixels(inputs[0])
        if min(*sides, angles, radii) < 2 or (self.logarithmic and largest <= 1):
            raise ShapeError(
                f"no circle of radius {largest:.3g} px fits around the middle of a {show(inputs[0][1:])} image",
                "give images of 4 px or more, or a larger radius",
                "radius",
            )
        if self.overlap > angles:
            raise ShapeError(f"overlap {self.overlap} is more than the whole turn", f"at most {angles}", "overlap")
        return (channels, angles + 2 * self.overlap, radii)

    def window(self, *inputs: Shape) -> Window:
        return Window((2, 2))  # what bilinear sampling reads

    def build(self, *inputs: Shape) -> "nn.Module":
        from cnnwiz.nn.input import PolarSample

        height, width = inputs[0][1:]
        size = self.size or (height, width)
        return PolarSample((height, width), size, self._pixels(inputs[0]), self.logarithmic, self.overlap)

    def _pixels(self, image: Shape) -> float:
        """The largest radius, between the middles of pixels."""
        return self.radius * (min(image[1:]) - 1)


INPUTS: tuple[type[Input], ...] = (ColorTransform, ColorSpace, Polar, LogPolar)
