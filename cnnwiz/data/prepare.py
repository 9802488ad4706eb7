"""From the data section of a spec to data for training: splits, canvases, one preprocessing, a fingerprint."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from cnnwiz.data.cache import Cache, read_cached
from cnnwiz.data.decode import short_side
from cnnwiz.data.disjoint import by_class, require_trained
from cnnwiz.data.layout import file_facts
from cnnwiz.data.pixels import Pixels, memory_for_images, read_pixels, require_readable
from cnnwiz.data.records import Records, Split
from cnnwiz.data.split import stratified
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.catalog.source import Source
    from cnnwiz.data.pixels import Progress

PREPROCESSING_VERSION = 1
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean, std: torchvision's references
SAMPLE = 256  # images whose headers tell whether a set is small enough to need no margin


class Validation(Protocol):
    """How many training images to set aside where the source has no validation split."""

    @property
    def fraction(self) -> float: ...
    @property
    def seed(self) -> int | None: ...


class Data(Protocol):
    """The data section of a spec, as far as it matters here."""

    @property
    def source(self) -> Source: ...
    @property
    def canvas(self) -> int | None: ...
    @property
    def channels(self) -> int | None: ...
    @property
    def split(self) -> Literal["images", "classes"]: ...
    @property
    def validation(self) -> Validation: ...
    @property
    def normalize(self) -> Literal["dataset", "imagenet", "none"]: ...


@dataclass(frozen=True, eq=False)
class Prepared:
    """Data ready for training: decoded splits, and what prediction and export need to treat new images alike."""

    classes: tuple[str, ...]
    train: Pixels
    validation: Pixels | None
    test: Pixels | None
    preprocessing: dict[str, Any]  # version, channels, canvas, image_size, mean, std; goes into JSON
    fingerprint: dict[str, Any]  # images for each split and class, sha256; goes into JSON
    notices: tuple[str, ...]


def prepare(
    data: Data,
    image_size: int,
    seed: int,
    workers: int = 0,
    progress: Progress | None = None,
    memory: int | None = None,
    cache: Cache | None = None,
) -> Prepared:
    """Read, split and decode the data for training at `image_size` pixels.

    `seed` decides which images are set aside for validation where `data.validation.seed` is None.
    `workers` processes decode. What does not fit into `memory` bytes (4 GiB, or half of what is available) goes to the
    `cache`, or is decoded again each epoch.
    CnnwizError lists the files that cannot be read.
    """
    records, notices = split_records(data, seed)
    boxed = records.train.boxes is not None
    canvas = data.canvas or (image_size if boxed else _canvas(records.train, image_size))
    if canvas < image_size:
        raise CnnwizError(f"data.canvas is {canvas}, less than the image size {image_size}: raise it or leave it out")
    channels = data.channels or data.source.facts().channels
    splits = present(records)
    memory = memory_for_images() if memory is None else memory
    pixels, told = _read_all(splits, canvas, channels, workers, memory, progress, cache)
    notices += told
    mean, std = _statistics(data.normalize, pixels["train"].histogram)
    if 0 in std:
        notices.append(f"channel {std.index(0)} has the same value in all training images: it is centred, not scaled")
    preprocessing = {
        "version": PREPROCESSING_VERSION,
        "channels": channels,
        "canvas": canvas,
        "image_size": image_size,
        "mean": mean,
        "std": [value or 1.0 for value in std],
        **({"fit": "stretch"} if boxed else {}),
    }
    return Prepared(
        records.classes,
        pixels["train"],
        pixels.get("validation"),
        pixels.get("test"),
        preprocessing,
        fingerprint((*records.classes, *records.unseen), splits),
        tuple(notices),
    )


def fingerprint(classes: tuple[str, ...], splits: dict[str, Split]) -> dict[str, Any]:
    """Images for each split and class, and a sha256 over keys, labels and file sizes (or pixels without files)."""
    digest = hashlib.sha256()
    counts = {}
    for name, split in splits.items():
        numbers = np.bincount(split.labels, minlength=len(classes)).tolist()
        counts[name] = dict(zip(classes, numbers, strict=True))
        sizes = [file_facts(file).st_size for file in split.files] if split.files else [0] * len(split)
        digest.update(f"{name} {len(split)}\n".encode())
        for key, label, size in zip(split.keys, split.labels.tolist(), sizes, strict=True):
            digest.update(f"{key}\0{label} {size}\n".encode("utf-8", "surrogateescape"))
        if split.pixels is not None:
            digest.update(np.ascontiguousarray(split.pixels).data)
        if split.boxes is not None:
            digest.update(np.ascontiguousarray(split.boxes).data)
    return {"images": counts, "sha256": digest.hexdigest()}


def _read_all(
    splits: dict[str, Split],
    canvas: int,
    channels: int,
    workers: int,
    memory: int,
    progress: Progress | None,
    cache: Cache | None,
) -> tuple[dict[str, Pixels], list[str]]:
    """Each split decoded, and what to tell the user; CnnwizError lists what could not be read in any of them."""
    total, told = sum(len(split) for split in splits.values()), []
    files = all(split.pixels is None and split.boxes is None for split in splits.values())
    if cache and files and (cache.always or total * canvas**2 * channels > memory):
        found, told = read_cached(cache, splits, canvas, channels, workers, progress)
        if found:
            return found, told
    read: dict[str, Pixels] = {}
    for name, split in splits.items():
        before = sum(len(done) for done in read.values())
        counted = None if progress is None else lambda done, _, before=before: progress(before + done, total)
        held = sum(done.held.nbytes for done in read.values() if done.held is not None)
        read[name] = read_pixels(split, canvas, channels, workers, memory - held, counted)
    require_readable([line for split in read.values() for line in split.damaged], total)
    return read, told


def split_records(data: Data, seed: int) -> tuple[Records, list[str]]:
    """The source's records with the validation split that `data` asks for, and what to tell the user. No image is
    read."""
    records = data.source.build()
    seed = seed if data.validation.seed is None else data.validation.seed
    if data.split == "classes":
        records = by_class(records, data.validation.fraction, seed)
        return records, list(records.notices)
    require_trained(records)
    return _with_validation(records, data.validation, seed)


def present(records: Records) -> dict[str, Split]:
    """The splits that hold images, by name."""
    splits = {"train": records.train, "validation": records.validation, "test": records.test}
    return {name: split for name, split in splits.items() if split is not None and len(split)}


def _with_validation(records: Records, validation: Validation, seed: int) -> tuple[Records, list[str]]:
    """Records with a validation split where one is wanted, and what to tell the user."""
    notices = list(records.notices)
    if records.validation is not None or not validation.fraction:
        return records, notices
    chosen = stratified(records.train.labels, records.train.keys, validation.fraction, seed)
    alone = np.bincount(records.train.labels[chosen], minlength=len(records.classes)) == 0
    if alone.any():
        notices.append(f"{alone.sum()} classes have a single image: none of it is set aside for validation")
    train, aside = records.train.subset(~chosen), records.train.subset(chosen)
    return dataclasses.replace(records, train=train, validation=aside), notices


def _canvas(train: Split, image_size: int) -> int:
    """image_size if no image is larger, else 8/7 of it: 256 for 224, the margin that random crops need."""
    if train.pixels is not None:
        largest = min(train.pixels.shape[1:3])
    else:
        places = np.unique(np.linspace(0, len(train) - 1, SAMPLE).astype(int))
        largest = max(short_side(train.files[place]) for place in places)
    return image_size if largest <= image_size else round(image_size * 8 / 7)


def _statistics(normalize: str, histogram: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, of values in 0..1, from counts (C, 256) of values in 0..255."""
    channels = len(histogram)
    if normalize == "none":
        return [0.0] * channels, [1.0] * channels
    if normalize == "imagenet":
        if channels == 3:
            return list(IMAGENET[0]), list(IMAGENET[1])
        raise CnnwizError("data.normalize: imagenet has three channels, the data one: take dataset, or data.channels 3")
    values = np.arange(256) / 255
    shares = histogram / histogram.sum(1, keepdims=True)
    mean = shares @ values
    std = [math.sqrt(share @ (values - centre) ** 2) for share, centre in zip(shares, mean, strict=True)]
    return [round(float(value), 6) for value in mean], [round(value, 6) for value in std]
