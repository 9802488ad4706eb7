"""Augmentations: what they have in common, crops and flips. Others are in `distortion` and `mixing`."""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from typing_extensions import Self

    Draw = Callable[[int], Tensor]
    """draw(count): uniform numbers in [0, 1), float32 (B, count), the same for the same image, epoch and step."""

Probability = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Choice):
    """A line in `augment`: changes a batch of training images, each by its own random numbers."""

    section = "augmentation"
    crops: ClassVar[bool] = False
    """Whether it cuts the canvas to the training size; where none does, the centre is cut out."""
    keeps_boxes: ClassVar[bool] = False
    """Whether boxes around objects are right behind it: it moves no pixel, or `move_in` moves the boxes too."""

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        """The changed batch. `images` (B, C, H, W) holds 0 to 255, as uint8 or float, channels last in memory.

        Returns (B, C, side, side) if it crops, else (B, C, H, W), of the same type. `draw` is to be called once.
        """
        raise NotImplementedError(f"{type(self).__name__}.apply")

    def apply_in(self, epoch: int, images: "Tensor", draw: "Callable[[int], Draw]", side: int) -> "Tensor":
        """What `apply` gives in an epoch; `draw(epoch)` is the source of numbers of that epoch."""
        return self.apply(images, draw(epoch), side)

    def move_in(self, epoch: int, boxes: "Tensor", draw: "Callable[[int], Draw]") -> "Tensor":
        """Boxes (B, M, 5) as they are behind `apply_in` with the same numbers: left, top, right, bottom as shares of
        the image, then the class. Rows that hold no box begin with -1."""
        return boxes


class RandomCrop(Augmentation):
    """A square of the training size, cut at a uniform position from the canvas with `padding` pixels around it.

    Use: small images (32 px: padding 4), or a canvas somewhat larger than the training size.

    Avoid: where the object fills the frame and must stay whole: lower the padding.

    Cost: 3 microseconds an image of 32 px, 35 of 128 px, on one core.
    """

    key = "random_crop"
    papers = ("Krizhevsky, Sutskever, Hinton: NIPS 2012", "arXiv:1512.03385")
    crops: ClassVar[bool] = True

    padding: int = Field(default=4, ge=0, le=1024, description="pixels added on each side before cutting")
    fill: Literal["zero", "reflect"] = Field(
        default="zero", description="what is added: black, or the image mirrored at its edge"
    )

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        import torch

        rows = self._padded(images.permute(0, 2, 3, 1))  # (B, H, W, C)
        windows = rows.unfold(1, side, 1).unfold(2, side, 1)  # a view: (B, tops, lefts, C, side, side)
        choices = torch.tensor(windows.shape[1:3], device=images.device)
        top, left = (draw(2) * choices).long().unbind(1)
        number = torch.arange(len(images), device=images.device)
        return windows.permute(0, 1, 2, 4, 5, 3)[number, top, left].permute(0, 3, 1, 2)

    def _padded(self, rows: "Tensor") -> "Tensor":
        import torch
        from torch.nn.functional import pad

        p = self.padding
        if self.fill == "zero" or not p:
            return pad(rows, (0, 0, p, p, p, p)) if p else rows
        for axis in (1, 2):
            size = rows.shape[axis]
            period = max(2 * size - 2, 1)  # mirrored about the edge pixel, again and again where p is large
            before = torch.arange(-p, 0, device=rows.device) % period
            after = torch.arange(size, size + p, device=rows.device) % period
            edges = (rows.index_select(axis, torch.minimum(place, period - place)) for place in (before, after))
            rows = torch.cat((next(edges), rows, next(edges)), axis)
        return rows


class Rectangle(Augmentation):
    """What random_resized_crop and random_erasing share: a rectangle of random area and aspect."""

    scale: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]] = Field(
        default=(0.08, 1.0), description="smallest and largest share of the area"
    )
    ratio: tuple[Annotated[float, Field(gt=0, le=10)], Annotated[float, Field(gt=0, le=10)]] = Field(
        default=(0.75, 4 / 3), description="smallest and largest width / height"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Self":
        for name, (low, high) in (("scale", self.scale), ("ratio", self.ratio)):
            if low > high:
                raise ValueError(f"{name}: {low} is larger than {high}; write [smallest, largest]")
        return self

    def boxes(self, numbers: "Tensor") -> "Tensor":
        """Uniform numbers (B, 4) as boxes (B, 4): left, top, width, height as shares of the image, inside it."""
        import torch

        area = self.scale[0] + (self.scale[1] - self.scale[0]) * numbers[:, 0]
        limit = -area.log()  # width = sqrt(area * ratio) <= 1 and height = sqrt(area / ratio) <= 1
        low = torch.full_like(limit, math.log(self.ratio[0])).clamp(-limit, limit)
        high = torch.full_like(limit, math.log(self.ratio[1])).clamp(-limit, limit)
        ratio = (low + (high - low) * numbers[:, 1]).exp()
        width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
        return torch.stack(((1 - width) * numbers[:, 2], (1 - height) * numbers[:, 3], width, height), 1)


class RandomResizedCrop(Rectangle):
    """A rectangle of random area and aspect at a uniform position, resized to the training size (bilinear).

    The area's share is uniform in `scale`; the aspect is log-uniform in the part of `ratio` for which such a rectangle
    fits into the canvas.

    Use: photographs of 64 px and more; scale from 0.35 for short trainings and small networks.

    Avoid: the default lower bound of 0.08 where the object fills the frame or images are small: little of it is left.
    Objects look larger than in the centre crop of the test; testing at a somewhat larger size makes up for that.

    Cost: about 250 microseconds an image of 128 px on one core.
    """

    key = "random_resized_crop"
    papers = ("arXiv:1409.4842", "arXiv:1906.06423")
    crops: ClassVar[bool] = True

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        import torch
        from torch.nn.functional import grid_sample

        left, top, width, height = self.boxes(draw(4)).unbind(1)
        steps = (torch.arange(side, device=images.device) + 0.5) / side  # centres of the new pixels
        x = left[:, None] + width[:, None] * steps
        y = top[:, None] + height[:, None] * steps
        grid = torch.stack((x[:, None].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)), 3) * 2 - 1
        sampled = grid_sample(images.float(), grid, "bilinear", "border", align_corners=False)
        sampled = sampled if images.is_floating_point() else sampled.add_(0.5)  # rounds, as the conversion cuts off
        return sampled.to(images.dtype, memory_format=torch.channels_last)


class Flip(Augmentation):
    """What the two mirrorings share."""

    axis: ClassVar[int]
    """Of (B, H, W, C)."""
    keeps_boxes: ClassVar[bool] = True
    probability: Probability = Field(default=0.5, description="share of the images that are mirrored")

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        import torch

        rows = images.permute(0, 2, 3, 1)
        both = torch.cat((rows, rows.flip(self.axis)))  # picking whole images from both is faster than masks
        mirrored = draw(1)[:, 0] < self.probability
        number = torch.arange(len(rows), device=rows.device) + len(rows) * mirrored
        return both.index_select(0, number).permute(0, 3, 1, 2)

    def move_in(self, epoch: int, boxes: "Tensor", draw: "Callable[[int], Draw]") -> "Tensor":
        return self.mirrored(boxes, draw(epoch)(1)[:, 0] < self.probability)

    def mirrored(self, boxes: "Tensor", chosen: "Tensor") -> "Tensor":
        """Boxes (B, M, 5), those of the `chosen` images (B,) mirrored."""
        low, high = (0, 2) if self.axis == 2 else (1, 3)
        turned = boxes.clone()
        turned[:, :, low], turned[:, :, high] = 1 - boxes[:, :, high], 1 - boxes[:, :, low]
        moved = chosen[:, None] & (boxes[:, :, 2] >= 0)
        return turned.where(moved[:, :, None], boxes)


class HorizontalFlip(Flip):
    """Left and right exchanged.

    Use: nearly all photographs: doubles the images at no cost.

    Avoid: where left and right carry meaning: digits, text, road signs, the side in medical images.

    Cost: 1 microsecond an image of 32 px, 10 of 128 px, on one core.
    """

    key = "horizontal_flip"
    papers = ("Krizhevsky, Sutskever, Hinton: NIPS 2012",)
    axis: ClassVar[int] = 2


class VerticalFlip(Flip):
    """Top and bottom exchanged.

    Use: images without an up: microscopy, satellite images, textures.

    Avoid: photographs with ground and sky; with horizontal_flip it also makes turns by 180 degrees, in which 6 is 9.

    Cost: 1 microsecond an image of 32 px, 10 of 128 px, on one core.
    """

    key = "vertical_flip"
    axis: ClassVar[int] = 1


class AlternatingFlip(Flip):
    """Left and right exchanged: in the first epoch for a random half of the images, then for each image in every other
    epoch, so that two epochs in a row show both sides.

    Use: in place of horizontal_flip, in short trainings above all.

    Avoid: as horizontal_flip: digits, text, road signs, the side in medical images.

    Cost: 2 microseconds an image of 32 px on one core.
    """

    key: ClassVar[str] = "alternating_flip"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:2404.00498",)
    axis: ClassVar[int] = 2

    def apply_in(self, epoch: int, images: "Tensor", draw: "Callable[[int], Draw]", side: int) -> "Tensor":
        shown_first = self.apply(images, draw(0), side)
        # Mirrored rows first: the result stays channels last in memory.
        return shown_first.permute(0, 2, 3, 1).flip(2).permute(0, 3, 1, 2) if epoch % 2 else shown_first

    def move_in(self, epoch: int, boxes: "Tensor", draw: "Callable[[int], Draw]") -> "Tensor":
        return self.mirrored(boxes, (draw(0)(1)[:, 0] < self.probability) ^ bool(epoch % 2))


AUGMENTATIONS: tuple[type[Augmentation], ...] = (
    RandomCrop,
    RandomResizedCrop,
    HorizontalFlip,
    VerticalFlip,
    AlternatingFlip,
)
