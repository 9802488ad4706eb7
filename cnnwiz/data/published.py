"""The data sets that torchvision knows by name, as records; fetched only on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnwiz.data.records import Records, Split
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from collections.abc import Callable


def read_pixels(key: str, name: str, path: str, download: bool) -> Records:
    """A set that torchvision holds as one array: `name` is its class there (CIFAR10, MNIST, ...)."""
    splits = []
    classes: tuple[str, ...] = ()
    for train in (True, False):
        held = _open(key, name, path, root=path, train=train, download=download)
        pixels = np.asarray(held.data)
        labels = np.asarray(held.targets, np.int64)
        keys = tuple(str(index) for index in range(len(labels)))
        splits.append(Split(labels, keys, pixels=pixels if pixels.ndim == 4 else pixels[..., None]))
        classes = tuple(held.classes)
    return Records(classes, splits[0], None, splits[1])


def read_imagenette(path: str, size: str, download: bool) -> Records:
    """Imagenette: classes by first English name, in the order of the WordNet ids; its `val` is for validation."""
    splits = []
    classes: tuple[str, ...] = ()
    for split in ("train", "val"):
        held = _open(
            "imagenette", "Imagenette", path, root=path, split=split, size=size, download=download and split == "train"
        )
        splits.append(_files([Path(file) for file, _ in held._samples], [label for _, label in held._samples]))
        classes = tuple(names[0] for names in held.classes)
    return Records(classes, splits[0], splits[1], None)


def read_flowers102(path: str, download: bool) -> Records:
    """Oxford Flowers with its own three splits."""
    splits = []
    classes: tuple[str, ...] = ()
    for split in ("train", "val", "test"):
        held = _open("flowers102", "Flowers102", path, root=path, split=split, download=download)
        splits.append(_files(held._image_files, held._labels))
        classes = tuple(held.classes)
    return Records(classes, *splits)


def _open(key: str, name: str, path: str, **arguments: Any) -> Any:
    """A torchvision data set; what goes wrong as one line. torchvision unpickles CIFAR only after checking its MD5."""
    import torchvision.datasets

    kind: Callable[..., Any] = getattr(torchvision.datasets, name)
    try:
        return kind(**arguments)
    except (RuntimeError, OSError, ValueError, KeyError, EOFError) as error:
        if arguments["download"]:
            raise CnnwizError(f"{key} could not be downloaded to {path!r}: {error}") from None
        raise CnnwizError(
            f"{key} is not in {path!r}, or damaged: set data.source.{key}.download to true, or put its files there"
        ) from None


def _files(files: list[Path], labels: list[int]) -> Split:
    """Files and labels as a split; the key is the file's folder and name."""
    keys = tuple(f"{file.parent.name}/{file.name}" for file in files)
    return Split(np.array(labels, np.int64), keys, tuple(map(str, files)))
