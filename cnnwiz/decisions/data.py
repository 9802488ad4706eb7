"""Questions about the images: where they come from, how large they are, how they are varied."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from cnnwiz.catalog import section_of
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.source import Facts, Source
from cnnwiz.decisions.parameters import field_question, parameters, section_questions
from cnnwiz.decisions.question import ABOUT, Advice, Question
from cnnwiz.spec.document import Data, Spec, Validation

if TYPE_CHECKING:
    from cnnwiz.decisions.fingerprint import Fingerprint

PHOTO_SIDE = 128
"""Side for photos without a size of their own: 96 to 160 px differ by a point at equal maps (arXiv:1606.02228)."""
SIDES = (16, 24, 32, 48, 64, 96, PHOTO_SIDE)
"""Sides that images of several sizes are brought to: the largest that does not enlarge the usual one."""
OWN_SIDE = 64
"""Up to this side squares of one size keep it; larger ones are brought to one of SIDES."""
SMALL_SIDE = 64
"""Images below this side are cropped after padding; from it on, rectangles of random size are cut out."""
SMALL_CLASS = 20
"""Images of a class below which a tenth is too few to validate on."""
DIGIT_SOURCES = ("digits", "mnist")
TRAINING_IMAGES = {
    "digits": (142, 146, 142, 146, 145, 146, 145, 143, 139, 144),
    "cifar10": (5_000,) * 10,
    "cifar100": (500,) * 100,
    "mnist": (5_923, 6_742, 5_958, 6_131, 5_842, 5_421, 5_918, 6_265, 5_851, 5_949),
    "fashion_mnist": (6_000,) * 10,
    "imagenette": (963, 955, 993, 858, 941, 956, 961, 931, 951, 960),
    "flowers102": (10,) * 102,
}
"""Images of each class in the training split of the sets with a name."""
OWN_VALIDATION = ("imagenette", "flowers102")
"""Sets with a name and a validation split of their own."""


def source_class(word: str) -> type[Source]:
    """The source of this name."""
    section = section_of(Source)
    assert section, "sources are a section of the catalogue"
    return next(cls for cls in section.choices if cls.key == word and issubclass(cls, Source))


def source_of(answers: Mapping[str, Any]) -> Source:
    """The source that the answers describe; what no question decides is as in the edited spec."""
    cls = source_class(answers["data.source"])
    base = answers[ABOUT].base
    old = base.data.source if base else None
    kept = {name: getattr(old, name) for name in cls.model_fields} if isinstance(old, cls) else {}
    path = {"path": answers["data.path"]} if "path" in cls.model_fields else {}
    return cls(**kept | path | parameters(f"data.source.{cls.key}", answers))


def seen_of(answers: Mapping[str, Any]) -> Fingerprint | None:
    """The fingerprint of the images these answers name; None where they were not looked at."""
    seen = answers[ABOUT].seen
    here = (answers["data.source"], answers.get("data.path", ""))
    return seen if seen and (seen.source, seen.path) == here else None


def facts_of(answers: Mapping[str, Any]) -> Facts:
    """What is known about the images: as they were seen, else without reading one; little while the path is open."""
    if seen := seen_of(answers):
        return Facts(len(seen.classes), seen.stored, seen.sides[0] if seen.square else None)
    if has_path(answers) and "data.path" not in answers:
        return Facts(None, 3, None)
    return source_of(answers).facts()


def side_of(answers: Mapping[str, Any]) -> int:
    """Side of the network's input in pixels."""
    side = answers["data.image_size"] or facts_of(answers).image_size
    assert side, "images without a size of their own are given one"
    return side


def channels_of(answers: Mapping[str, Any]) -> int:
    """Channels of the network's input: 1 for grey, 3 for RGB."""
    return answers["data.channels"] or facts_of(answers).channels


def classes_of(answers: Mapping[str, Any]) -> int | None:
    """Number of classes, where it is known."""
    return answers.get("data.classes") or facts_of(answers).classes


def images_of(answers: Mapping[str, Any]) -> int | None:
    """Images left to train on once those for validation are set aside; None where nobody has counted."""
    seen = seen_of(answers)
    counts = seen.images if seen else TRAINING_IMAGES.get(answers["data.source"])
    share = answers.get("data.validation.fraction", 0.0)
    if counts is None or not share:
        return sum(counts) if counts else None
    return sum(count - min(max(math.floor(share * count + 0.5), 1), count - 1) for count in counts)


def has_path(answers: Mapping[str, Any]) -> bool:
    """Whether the chosen source is looked for at a path."""
    cls = source_class(answers["data.source"])
    return "path" in cls.model_fields


def _task(answers: Mapping[str, Any]) -> Advice:
    return Advice("classify", "each image is of one of the known classes")


def _other_images(cls: type[Choice], answers: Mapping[str, Any]) -> str | None:
    """Boxes are for task detect, one class an image for the others."""
    boxed = answers["task"] == "detect"
    return None if getattr(cls, "boxed", False) == boxed else f"the task is {answers['task']}"


def _source(answers: Mapping[str, Any]) -> Advice:
    if answers["task"] == "detect":
        return Advice("pascal_voc", "images with boxes around objects")
    return Advice("digits", "nothing to download, trained in seconds")


def _image_size(answers: Mapping[str, Any]) -> Advice:
    seen, side = seen_of(answers), facts_of(answers).image_size
    if side and (seen is None or side <= OWN_SIDE):
        return Advice(side, f"the images' own size: {side} px" if seen else "the images' own size")
    if seen is None:
        return Advice(PHOTO_SIDE, "a third of the work of 224 px")
    usual = seen.sides[1]
    side = max((side for side in SIDES if side <= usual), default=max(usual, 1))
    if side == PHOTO_SIDE:
        return Advice(side, f"a third of the work of 224 px; usual short side {usual} px")
    return Advice(side, f"usual short side {usual} px: enlarging adds nothing")


def _no_side(value: Any, answers: Mapping[str, Any]) -> str | None:
    if value is None and facts_of(answers).image_size is None:
        return "the images have no size of their own; give a whole number, as 128"
    return None if value is None else _IMAGE_SIZE.validate(value, answers)


def _needs_classes(answers: Mapping[str, Any]) -> bool:
    return facts_of(answers).classes is None


def _classes(answers: Mapping[str, Any]) -> Advice | None:
    return Advice(None, "counted when it trains; embeddings need no number") if answers["task"] == "embed" else None


def _no_classes(value: Any, answers: Mapping[str, Any]) -> str | None:
    if value is None:
        return None if answers["task"] == "embed" else "how many classes there are must be known; give a whole number"
    return _CLASSES.validate(value, answers)


def _needs_validation(answers: Mapping[str, Any]) -> bool:
    seen = seen_of(answers)
    return not seen.validation if seen else answers["data.source"] not in OWN_VALIDATION


def _validation(answers: Mapping[str, Any]) -> Advice:
    seen = seen_of(answers)
    if seen and min(seen.images) < SMALL_CLASS:
        return Advice(0.2, f"the smallest class has {min(seen.images)} images: a tenth would say little")
    return Advice(0.1, "a tenth of the training images, of each class")


def _name(answers: Mapping[str, Any]) -> Advice:
    last = PurePath(answers.get("data.path", "")).name if answers["data.source"] in ("folder", "arrays") else ""
    word = re.sub(r"[^A-Za-z0-9_.-]+", "-", last.removesuffix(".npz")).strip("-._")[:80]
    return Advice(word or answers["data.source"], "named after the data")


def _augment(answers: Mapping[str, Any]) -> Advice:
    if answers["task"] == "detect":
        return Advice(("horizontal_flip",), "mirrored with their boxes; crops would cut objects off")
    crop = "random_crop" if side_of(answers) < SMALL_SIDE else "random_resized_crop"
    seen = seen_of(answers)
    if answers["data.source"] in DIGIT_SOURCES:
        return Advice((crop,), "no flips: mirrored digits are other signs")
    if seen and seen.signs:
        named = f"{seen.classes[0]} to {seen.classes[-1]}"
        return Advice((crop,), f"no flips: classes {named} are signs with a left and right")
    return Advice((crop, "horizontal_flip"), "shifted or cut out, and mirrored: the usual pair")


def _loses_boxes(cls: type[Choice], answers: Mapping[str, Any]) -> str | None:
    lost = answers["task"] == "detect" and not getattr(cls, "keeps_boxes", True)
    return "boxes around objects would not move with it" if lost else None


def _crop_padding(answers: Mapping[str, Any]) -> Advice:
    padding = max(side_of(answers) // 8, 1)
    return Advice(padding, "an eighth of the side, as in the usual CIFAR recipe")


def _crop_scale(answers: Mapping[str, Any]) -> Advice:
    return Advice((0.35, 1.0), "0.08 leaves too little for short trainings")


def _path_problem(value: Any, answers: Mapping[str, Any]) -> str | None:
    return None if value else "an empty path; give the folder or file that holds the images"


def _channels(answers: Mapping[str, Any]) -> Advice:
    seen, stored = seen_of(answers), facts_of(answers).channels
    if seen and seen.channels < stored:
        return Advice(1, f"all {min(seen.looked, seen.total):,} images looked at are grey")
    return Advice(None, "as the images are: " + ("grey" if stored == 1 else "RGB"))


TASKS = {
    "classify": "to name the class of an image",
    "embed": "to place images by likeness: faces, products, classes that training never sees",
    "detect": "to find objects in an image and draw boxes around them",
}
SPLITS = {
    "images": "validation and test hold other images of the same classes",
    "classes": "validation and test hold other classes, as verification needs it",
}
NORMALIZE_LINES = {
    "dataset": "mean and deviation of the training images",
    "imagenet": "those of ImageNet, for pretrained networks",
    "none": "only division by 255",
}

_CLASSES = field_question(
    Data,
    "classes",
    "data.classes",
    "data",
    "Number of classes",
    level="recommended",
    when=_needs_classes,
    recommend=_classes,
)
_IMAGE_SIZE = field_question(
    Data, "image_size", "data.image_size", "data", "Side of the input in pixels", _image_size, level="guided"
)

QUESTIONS: tuple[Question, ...] = (
    field_question(Spec, "task", "task", "data", "What is the network for?", _task, "guided", lines=TASKS),
    *section_questions(
        Data,
        "source",
        "data.source",
        "data",
        "Where do the images come from?",
        _source,
        "recommended",
        refuse=_other_images,
    ),
    Question(
        key="data.path",
        chapter="data",
        prompt="Folder or file that holds the images",
        kind="text",
        level="recommended",
        when=has_path,
        validate=_path_problem,
        expects="a path",
        help="A folder with a folder of images for each class (or train and test folders of these), "
        "an .npz file, or the folder of a published set.",
    ),
    replace(_CLASSES, validate=_no_classes, expects="a whole number of at least 2"),
    replace(_IMAGE_SIZE, validate=_no_side),
    field_question(Data, "canvas", "data.canvas", "data", "Side to which images are cut before they are varied"),
    field_question(Data, "channels", "data.channels", "data", "Channels: 1 for grey, 3 for RGB", _channels),
    field_question(Data, "split", "data.split", "data", "What do validation and test hold?", lines=SPLITS),
    field_question(Data, "normalize", "data.normalize", "data", "How are values scaled?", lines=NORMALIZE_LINES),
    field_question(
        Validation,
        "fraction",
        "data.validation.fraction",
        "data",
        "Share of the training images kept for validation",
        _validation,
        when=_needs_validation,
    ),
    field_question(Validation, "seed", "data.validation.seed", "data", "Which images (a seed)", when=_needs_validation),
    field_question(Spec, "name", "name", "data", "Name of the network and its file", recommend=_name),
    *section_questions(
        Spec,
        "augment",
        "augment",
        "input and augmentation",
        "How are training images varied?",
        _augment,
        "guided",
        refuse=_loses_boxes,
        details={"random_crop.padding": ("all", _crop_padding), "random_resized_crop.scale": ("all", _crop_scale)},
    ),
)
