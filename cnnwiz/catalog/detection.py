"""Task detect: images with boxes, the head that finds objects, and its loss."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from cnnwiz.catalog.head import Head
from cnnwiz.catalog.initialization import Gaussian
from cnnwiz.catalog.layer import Channels, Net, Tap
from cnnwiz.catalog.loss import DETECT, Loss
from cnnwiz.catalog.primitive import Concat, Convolution2d
from cnnwiz.catalog.source import Facts, Source, Text
from cnnwiz.catalog.unit import Conv

if TYPE_CHECKING:
    from cnnwiz.data.records import Records
    from cnnwiz.nn import detection

PRIOR = 0.01
"""Score that every class begins with at every position: most positions are background (RetinaNet, section 4.1)."""


class PascalVoc(Source):
    """Images with boxes, as Pascal VOC keeps them: JPEGImages, an XML file for each in Annotations, and the splits in
    ImageSets/Main (train, val, test; trainval where there is no train). Images are stretched to a square, not cropped,
    and their boxes with them; boxes without area and what lies outside the image are left out. `labelled` adds images
    without boxes, in a folder for each class, to those of training.

    Use: task detect; with `labelled` where boxes are few and images of known class many.

    Avoid: `labelled` images whose classes share nothing with those of the boxes (YOLO9000, section 4); panoramas and
    other images so long that stretching makes objects hard to know.

    Cost: 50 microseconds for each annotation, at each command unless `classes` are named; images as for folder.
    """

    key = "pascal_voc"
    papers = ("Everingham et al.: IJCV 2010", "arXiv:1612.08242")
    boxed: ClassVar[bool] = True

    path: Text = Field(description="folder that holds JPEGImages and Annotations, from the current directory")
    classes: tuple[Text, ...] | None = Field(
        default=None, description="names of objects and their order; without it all of training, sorted by name"
    )
    labelled: Text | None = Field(
        default=None, description="folder of images without boxes, one folder a class, that training sees too"
    )
    repeat: int = Field(
        default=1, ge=1, le=100, description="how often an epoch shows each image with boxes; balances `labelled`"
    )

    def facts(self) -> Facts:
        from cnnwiz.data.voc import class_count

        return Facts(class_count(Path(self.path), self.classes, self._folder()), 3, None)

    def build(self) -> "Records":
        from cnnwiz.data.voc import read_voc

        return read_voc(Path(self.path), self.classes, self._folder(), self.repeat)

    def _folder(self) -> Path | None:
        return None if self.labelled is None else Path(self.labelled)


class DetectionHead(Head):
    """One-stage detection without anchors on the last map (FCOS): at every position one score a class, the distances to
    the four sides of the box, and how central the position is in it. Scores have `depth` convolutions of their own,
    distances and centre-ness share as many; a 3x3 convolution ends each. Its output is a map of classes + 5 channels.

    Use: task detect, on a map whose stride is at most the short side of the smallest objects.

    Avoid: objects whose centres are less than a position apart, of which one is found; sizes that differ by more than a
    factor of 10, which detectors with several maps handle better.

    Cost: 9 * channels * (C + channels + ...) weights for each of the two towers, applied at every position.
    """

    key = "detection"
    papers = ("arXiv:1904.01355",)

    depth: int = Field(default=1, ge=0, le=8, description="convolutions in front of scores, and of distances")
    channels: Channels = Field(default=64, description="of these convolutions")
    threshold: float = Field(default=0.05, ge=0, lt=1, description="boxes that score lower are dropped")
    overlap: float = Field(
        default=0.6, gt=0, le=1, description="intersection over union above which the lower of two boxes is dropped"
    )

    def wire(self, net: Net, source: Tap, classes: int) -> Tap:
        named, placed = self._tower(net, source, "classes"), self._tower(net, source, "boxes")
        bias = math.log(PRIOR / (1 - PRIOR))
        scores = net.add(_last(classes, role="classifier", gate_bias=bias), named, name="scores")
        distances = net.add(_last(4), placed, name="distances")
        centre = net.add(_last(1), placed, name="centre")
        return net.add(Concat(), scores, distances, centre, name="output")

    def _tower(self, net: Net, source: Tap, name: str) -> Tap:
        for turn in range(self.depth):
            source = Conv(channels=self.channels).wire(net.scope(f"{name}.{turn}"), source)
        return source


def _last(channels: int, role: str = "weight", gate_bias: float | None = None) -> Convolution2d:
    """The convolution that ends a tower; small weights leave the start to the bias."""
    return Convolution2d(
        channels=channels, kernel=(3, 3), padding=(1, 1, 1, 1), role=role, gate_bias=gate_bias, init=Gaussian()
    )


class Fcos(Loss):
    """L = (focal + box_weight * (1 - GIoU) + centre_weight * centre-ness) / positions, summed over the positions that
    belong to an object, the focal loss over all; then the mean over images. A position belongs to the smallest box it
    lies in with its centre less than `radius` positions away. Focal: -alpha (1 - p)^gamma log p for the true class,
    -(1 - alpha) p^gamma log(1 - p) for others; centre-ness: cross-entropy with sqrt(min/max of left and right, of top
    and bottom). An image without boxes gives the focal loss of its class where that scores highest, times
    `label_weight`.

    Use: task detect. Scores are one sigmoid a class, so classes may overlap, as joint training needs.

    Avoid: comparing its value with FCOS of others: they divide by the positions of the batch, which micro-batches and
    devices would change.

    Cost: boxes * positions comparisons an image.
    """

    key = "fcos"
    papers = ("arXiv:1904.01355", "arXiv:1708.02002", "arXiv:1902.09630", "arXiv:1612.08242")
    tasks = (DETECT,)

    alpha: float = Field(default=0.25, gt=0, lt=1, description="share of the true class in the focal loss")
    gamma: float = Field(default=2.0, ge=0, le=10, description="how little easy positions count")
    radius: float = Field(
        default=1.5, gt=0, le=100, description="positions around an object's centre that belong to it"
    )
    box_weight: float = Field(default=1.0, ge=0, le=100, description="factor of the boxes' loss")
    centre_weight: float = Field(default=1.0, ge=0, le=100, description="factor of the centre-ness")
    label_weight: float = Field(default=1.0, ge=0, le=100, description="factor of images that have a class but no box")

    def build(self, classes: int, features: int | None = None) -> "detection.Fcos":
        from cnnwiz.nn.detection import Fcos

        return Fcos(
            classes, self.alpha, self.gamma, self.radius, self.box_weight, self.centre_weight, self.label_weight
        )


DETECTION_SOURCES: tuple[type[Source], ...] = (PascalVoc,)
DETECTION_HEADS: tuple[type[Head], ...] = (DetectionHead,)
DETECTION_LOSSES: tuple[type[Loss], ...] = (Fcos,)
