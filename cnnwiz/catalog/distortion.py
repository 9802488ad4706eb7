"""Augmentations that change geometry or colours, or erase a part; crops and flips are in `augmentation`."""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.augmentation import Augmentation, Probability, Rectangle

if TYPE_CHECKING:
    from torch import Tensor

    from cnnwiz.catalog.augmentation import Draw

Strength = Annotated[float, Field(ge=0, le=1)]
Fill = Annotated[
    Literal["zero", "mean"], Field(description="what comes in from outside: black, or the mean colour of the image")
]


class Rotation(Augmentation):
    """A turn about the middle by an angle uniform in [-degrees, degrees], bilinear.

    Use: objects photographed at slightly varying angles (10 to 15 degrees); any angle (180) for views from above.

    Avoid: large angles where up carries meaning: 6 and 9, arrows, most photographs; together with polar input, which
    makes most of it needless.

    Cost: about 10 microseconds an image of 32 px on one core.
    """

    key: ClassVar[str] = "rotation"
    papers: ClassVar[tuple[str, ...]] = ("Simard, Steinkraus, Platt: ICDAR 2003",)

    degrees: float = Field(default=15.0, ge=0, le=180, description="largest angle")
    fill: Fill = "mean"

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        from cnnwiz.data import distort

        angle = (draw(1)[:, 0] * 2 - 1) * self.degrees
        return distort.like(distort.rotate(images.float(), angle, self.fill), images)


class ColorJitter(Augmentation):
    """Brightness f * x, contrast f * x + (1 - f) * mean luma, saturation f * x + (1 - f) * luma, each f uniform in
    [1 - strength, 1 + strength], then hue moved by up to `hue` of the colour circle; in this order.

    Use: varying light and cameras.

    Avoid: where colour is the label: ripeness, stains, traffic lights. Grey images keep brightness and contrast only.

    Cost: about 30 microseconds an image of 32 px on one core, half of it for hue.
    """

    key: ClassVar[str] = "color_jitter"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1312.5402",)
    keeps_boxes: ClassVar[bool] = True

    brightness: Strength = Field(default=0.4, description="largest change of the factor")
    contrast: Strength = Field(default=0.4, description="largest change of the factor")
    saturation: Strength = Field(default=0.4, description="largest change of the factor")
    hue: float = Field(default=0.0, ge=0, le=0.5, description="largest turn of the colour circle; 0.5 is half of it")

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        from cnnwiz.data import distort

        light, span, colour, turn = (draw(4) * 2 - 1).unbind(1)
        x = distort.brightness(images.float(), 1 + light * self.brightness)
        x = distort.contrast(x, 1 + span * self.contrast)
        x = distort.saturation(x, 1 + colour * self.saturation)
        x = distort.hue(x, turn * self.hue) if self.hue else x
        return distort.like(x, images)


class PcaLighting(Augmentation):
    """One colour added to the whole image: sum over k of v_k * lambda_k * a_k, a_k from N(0, std^2), v and lambda the
    principal components of ImageNet's RGB values.

    Use: photographs, in AlexNet's recipe: it moves colour and intensity of the light.

    Avoid: grey images, which have no such components; where colour is the label.

    Cost: 2 microseconds an image of 32 px on one core.
    """

    key: ClassVar[str] = "pca_lighting"
    papers: ClassVar[tuple[str, ...]] = ("Krizhevsky, Sutskever, Hinton: NIPS 2012",)
    keeps_boxes: ClassVar[bool] = True

    std: Strength = Field(default=0.1, description="deviation of the three amounts")

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        from cnnwiz.data import distort

        numbers = draw(6)
        # Box and Muller: two uniform numbers make a normal one.
        amounts = (-2 * (1 - numbers[:, :3]).log()).sqrt() * (2 * math.pi * numbers[:, 3:]).cos()
        shift = (amounts * self.std * amounts.new_tensor(EIGENVALUES)) @ amounts.new_tensor(EIGENVECTORS)
        return distort.like(images + shift[:, :, None, None] * distort.WHITE, images)


EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = ((-0.5675, -0.5808, -0.5836), (0.7192, -0.0045, -0.6948), (0.4009, -0.8140, 0.4203))
"""Of the RGB values of ImageNet, 0..1, one component a row; as in github.com/facebook/fb.resnet.torch."""


class RandomErasing(Rectangle):
    """With `probability` a rectangle is overwritten; its share of the area is uniform in `scale`, its aspect
    log-uniform in the part of `ratio` that fits.

    Use: objects that may be half hidden; recognition of people.

    Avoid: small objects, which vanish; together with cutmix, which removes regions as well.

    Cost: 5 microseconds an image of 32 px on one core, with noise a random number for each value.
    """

    key: ClassVar[str] = "random_erasing"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1708.04896",)
    conflicts: ClassVar[dict[str, str]] = {"augmentation.cutmix": "both remove regions; keep one"}

    probability: Probability = Field(default=0.5, description="share of the images that lose a part")
    scale: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]] = Field(
        default=(0.02, 0.33), description="smallest and largest share of the area"
    )
    ratio: tuple[Annotated[float, Field(gt=0, le=10)], Annotated[float, Field(gt=0, le=10)]] = Field(
        default=(0.3, 3.3), description="smallest and largest width / height"
    )
    fill: Literal["zero", "mean", "noise"] = Field(
        default="mean", description="what is put there: black, the mean colour of the image, or uniform noise"
    )

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        import torch

        from cnnwiz.data import distort

        batch, channels, height, width = images.shape
        numbers = draw(5 + channels * height * width) if self.fill == "noise" else draw(5)
        box = self.boxes(numbers[:, 1:5])
        left, top, wide, high = (box * box.new_tensor([width, height, width, height])).round().unbind(1)
        x, y = (torch.arange(size, device=images.device) for size in (width, height))
        columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
        rows = (y >= top[:, None]) & (y < (top + high)[:, None])
        erased = (numbers[:, 0] < self.probability)[:, None, None] & rows[:, :, None] & columns[:, None, :]
        if self.fill == "noise":
            put = (numbers[:, 5:] * 256).floor().view(batch, channels, height, width)
        else:
            put = images.float().mean((2, 3), keepdim=True) * (self.fill == "mean")
        return distort.like(torch.where(erased[:, None], put, images.float()), images)


class RandAugment(Augmentation):
    """`operations` drawn for each image from fourteen (shears, shifts, turns, tones, posterize, solarize, autocontrast,
    equalize, none), all at the same strength, `magnitude` of 30; the sign is drawn.

    Use: enough data and epochs, and little time to tune.

    Avoid: small images with a large magnitude; where geometry or colour is the label; a second policy beside it.

    Cost: about 40 microseconds an image of 32 px and operation on one core.
    """

    key: ClassVar[str] = "rand_augment"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1909.13719",)
    conflicts: ClassVar[dict[str, str]] = {"augmentation.trivial_augment": "two policies distort too much"}

    operations: int = Field(default=2, ge=0, le=14, description="how many, one after the other")
    magnitude: float = Field(default=9.0, ge=0, le=30, description="strength, of 30")
    fill: Fill = "mean"

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        import torch

        from cnnwiz.data import distort, policy

        numbers = draw(2 * self.operations)
        x = images.float()
        level = torch.full((len(x),), self.magnitude / 30, device=x.device)
        for turn in range(self.operations):
            x = policy.operate(x, numbers[:, 2 * turn : 2 * turn + 2], level, policy.NARROW, self.fill)
        return distort.like(x, images)


class TrivialAugment(Augmentation):
    """One of the fourteen operations of rand_augment for each image, its strength drawn from 31 between none and a wide
    limit: turns up to 135 degrees, shears up to 0.99, shifts up to 32 px.

    Use: as the policy when nothing is known: there is nothing to tune.

    Avoid: images below 64 px, which a shift by 32 px may leave empty; as rand_augment.

    Cost: about 40 microseconds an image of 32 px on one core.
    """

    key: ClassVar[str] = "trivial_augment"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:2103.10158",)
    conflicts: ClassVar[dict[str, str]] = {"augmentation.rand_augment": "two policies distort too much"}

    fill: Fill = "mean"

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        from cnnwiz.data import distort, policy

        numbers = draw(3)
        level = (numbers[:, 2] * 31).floor() / 30
        return distort.like(policy.operate(images.float(), numbers[:, :2], level, policy.WIDE, self.fill), images)


DISTORTIONS: tuple[type[Augmentation], ...] = (
    Rotation,
    ColorJitter,
    PcaLighting,
    RandomErasing,
    RandAugment,
    TrivialAugment,
)
