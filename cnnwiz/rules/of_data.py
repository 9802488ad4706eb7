"""The rules about data, CNN1: one file each."""

from __future__ import annotations

from cnnwiz.rules.canvas_below_image_size import CanvasBelowImageSize
from cnnwiz.rules.classes_apart_for_classifier import ClassesApartForClassifier
from cnnwiz.rules.classes_of_one_split import ClassesOfOneSplit
from cnnwiz.rules.colour_space_of_normalized import ColourSpaceOfNormalized
from cnnwiz.rules.cropped_boxes import CroppedBoxes
from cnnwiz.rules.data_past_plateau import DataPastPlateau
from cnnwiz.rules.duplicate_across_splits import DuplicateAcrossSplits
from cnnwiz.rules.enlarged_images import EnlargedImages
from cnnwiz.rules.few_images import FewImages
from cnnwiz.rules.fixed_colour_space import FixedColourSpace
from cnnwiz.rules.grey_from_colour import GreyFromColour
from cnnwiz.rules.imagenet_statistics_on_grey import ImagenetStatisticsOnGrey
from cnnwiz.rules.images_without_a_class import ImagesWithoutAClass
from cnnwiz.rules.imbalanced_classes import ImbalancedClasses
from cnnwiz.rules.noisy_labels import NoisyLabels
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.shrunken_photos import ShrunkenPhotos
from cnnwiz.rules.source_of_another_task import SourceOfAnotherTask
from cnnwiz.rules.unknown_image_size import UnknownImageSize
from cnnwiz.rules.unreadable_images import UnreadableImages
from cnnwiz.rules.unscaled_input import UnscaledInput
from cnnwiz.rules.wrong_class_count import WrongClassCount

DATA: tuple[Rule, ...] = (
    UnknownImageSize(),
    CanvasBelowImageSize(),
    WrongClassCount(),
    ImagenetStatisticsOnGrey(),
    GreyFromColour(),
    ClassesApartForClassifier(),
    ColourSpaceOfNormalized(),
    FixedColourSpace(),
    ShrunkenPhotos(),
    EnlargedImages(),
    ImbalancedClasses(),
    FewImages(),
    DuplicateAcrossSplits(),
    UnreadableImages(),
    ClassesOfOneSplit(),
    UnscaledInput(),
    NoisyLabels(),
    DataPastPlateau(),
    SourceOfAnotherTask(),
    CroppedBoxes(),
    ImagesWithoutAClass(),
)
"""In the order of their codes."""
