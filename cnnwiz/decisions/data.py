"""Questions about the images: where they come from, how large they are, how they are varied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from cnnwiz.catalog.source import SOURCES, Facts, Source
from cnnwiz.decisions.parameters import field_question, parameters, section_questions
from cnnwiz.decisions.question import Advice, Question
from cnnwiz.spec.document import Data, Spec, Validation

PHOTO_SIDE = 128
"""Side for photos without a size of their own: 96 to 160 px differ by a point at equal maps (arXiv:1606.02228)."""
SMALL_SIDE = 64
"""Images below this side are cropped after padding; from it on, rectangles of random size are cut out."""
DIGIT_SOURCES = ("digits", "mnist")


def source_of(answers: Mapping[str, Any]) -> Source:
    """The source that the answers describe."""
    cls = next(source for source in SOURCES if source.key == answers["data.source"])
    path = {"path": answers["data.path"]} if "path" in cls.model_fields else {}
    return cls(**path, **parameters(f"data.source.{cls.key}", answers))


def facts_of(answers: Mapping[str, Any]) -> Facts:
    """What is known about the images without reading one; nothing while the path is still open."""
    if _has_path(answers) and "data.path" not in answers:
        return Facts(None, 3, None)
    return source_of(answers).facts()


def side_of(answers: Mapping[str, Any]) -> int:
    """Side of the network's input in pixels."""
    return answers["data.image_size"]


def _has_path(answers: Mapping[str, Any]) -> bool:
    cls = next(source for source in SOURCES if source.key == answers["data.source"])
    return "path" in cls.model_fields


def _task(answers: Mapping[str, Any]) -> Advice:
    return Advice("classify", "each image is of one of the known classes")


def _source(answers: Mapping[str, Any]) -> Advice:
    return Advice("digits", "nothing to download, trained in seconds")


def _image_size(answers: Mapping[str, Any]) -> Advice:
    side = facts_of(answers).image_size
    return Advice(side, "the images' own size") if side else Advice(PHOTO_SIDE, "a third of the work of 224 px")


def _needs_classes(answers: Mapping[str, Any]) -> bool:
    return facts_of(answers).classes is None


def _name(answers: Mapping[str, Any]) -> Advice:
    last = PurePath(answers.get("data.path", "")).name if answers["data.source"] in ("folder", "arrays") else ""
    word = re.sub(r"[^A-Za-z0-9_.-]+", "-", last.removesuffix(".npz")).strip("-._")[:80]
    return Advice(word or answers["data.source"], "named after the data")


def _augment(answers: Mapping[str, Any]) -> Advice:
    crop = "random_crop" if side_of(answers) < SMALL_SIDE else "random_resized_crop"
    if answers["data.source"] in DIGIT_SOURCES:
        return Advice((crop,), "no flips: mirrored digits are other signs")
    return Advice((crop, "horizontal_flip"), "shifted or cut out, and mirrored: the usual pair")


def _crop_padding(answers: Mapping[str, Any]) -> Advice:
    padding = max(side_of(answers) // 8, 1)
    return Advice(padding, "an eighth of the side, as in the usual CIFAR recipe")


def _crop_scale(answers: Mapping[str, Any]) -> Advice:
    return Advice((0.35, 1.0), "0.08 leaves too little for short trainings")


def _path_problem(value: Any, answers: Mapping[str, Any]) -> str | None:
    return None if value else "an empty path; give the folder or file that holds the images"


def _channels(answers: Mapping[str, Any]) -> Advice:
    return Advice(None, "as the images are: " + ("grey" if facts_of(answers).channels == 1 else "RGB"))


TASKS = {
    "classify": "to name the class of an image",
    "embed": "to place images by likeness: faces, products, classes that training never sees",
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
    recommend=lambda answers: None,
)

QUESTIONS: tuple[Question, ...] = (
    field_question(Spec, "task", "task", "data", "What is the network for?", _task, "guided", lines=TASKS),
    *section_questions(Data, "source", "data.source", "data", "Where do the images come from?", _source, "recommended"),
    Question(
        key="data.path",
        chapter="data",
        prompt="Folder or file that holds the images",
        kind="text",
        level="recommended",
        when=_has_path,
        validate=_path_problem,
        expects="a path",
        help="A folder with a folder of images for each class (or train and test folders of these), "
        "an .npz file, or the folder of a published set.",
    ),
    replace(_CLASSES, optional=False, expects="a whole number of at least 2"),
    field_question(
        Data, "image_size", "data.image_size", "data", "Side of the input in pixels", _image_size, level="guided"
    ),
    field_question(Data, "canvas", "data.canvas", "data"),
    field_question(Data, "channels", "data.channels", "data", "Channels: 1 for grey, 3 for RGB", _channels),
    field_question(Data, "split", "data.split", "data", lines=SPLITS),
    field_question(Data, "normalize", "data.normalize", "data", lines=NORMALIZE_LINES),
    field_question(Validation, "fraction", "data.validation.fraction", "data"),
    field_question(Validation, "seed", "data.validation.seed", "data"),
    field_question(Spec, "name", "name", "data", "Name of the network and its file", recommend=_name),
    *section_questions(
        Spec,
        "augment",
        "augment",
        "input and augmentation",
        "How are training images varied?",
        _augment,
        "guided",
        details={"random_crop.padding": ("all", _crop_padding), "random_resized_crop.scale": ("all", _crop_scale)},
    ),
)
