"""Images with boxes as Pascal VOC keeps them: annotations read with care, splits, and images that only have a class.

Nothing here opens an image. A box is stored as shares of the image's sides, so that no resizing changes it.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from cnnwiz.data.layout import find_classes, find_images
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.data.records import Records, Split

MOST_BYTES = 1_000_000  # of an annotation or a list of names' line; an object takes about 250
MOST_OBJECTS = 1_000  # in an image: targets are as long as the longest
MOST_DEPTH = 8
FLAG = re.compile(r"\s+(-1|0|1)$")
"""What lists for one class write behind a name."""
SPLITS = {"train": ("train", "trainval"), "validation": ("val",), "test": ("test",)}


class Annotation(NamedTuple):
    """The objects of an image: class, and (xmin, ymin, xmax, ymax) in pixels, from 1 on, both ends included."""

    width: float
    height: float
    objects: tuple[tuple[str, tuple[float, ...]], ...]


def read_annotation(file: Path) -> Annotation:
    """One XML file. It may hold elements and text only: document types, and with them entities, are refused, as is more
    than a megabyte. Raises CnnwizError naming the file."""
    content = _content(file)
    try:
        values = _elements(content)
        width, height = (float(values[f"size/{name}"][0]) for name in ("width", "height"))
        objects = _objects(values)
    except KeyError as missing:
        raise CnnwizError(f"{str(file)!r}: has no {missing.args[0]}") from None
    except (ValueError, expat.ExpatError) as error:
        raise CnnwizError(f"{str(file)!r}: no annotation of Pascal VOC: {error}") from None
    if not (0 < width < 1e6 and 0 < height < 1e6):
        raise CnnwizError(f"{str(file)!r}: the size of the image is {width:g}x{height:g}; write its pixels into <size>")
    if len(objects) > MOST_OBJECTS:
        raise CnnwizError(f"{str(file)!r}: {len(objects)} objects, more than {MOST_OBJECTS}")
    return Annotation(width, height, objects)


def _content(file: Path) -> bytes:
    """The bytes of an XML file that is no larger than MOST_BYTES."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise CnnwizError(f"{str(file)!r}: cannot be read: {(error.strerror or 'error').lower()}") from None
    if len(content) > MOST_BYTES:
        raise CnnwizError(f"{str(file)!r}: more than {MOST_BYTES // 10**6} MB, too large for an annotation")
    return content


def _objects(values: dict[str, list[str]]) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """The objects as `Annotation` has them, from texts by path. Raises ValueError."""
    names = values.get("object/name", [])
    corners = [values.get(f"object/bndbox/{side}", []) for side in ("xmin", "ymin", "xmax", "ymax")]
    if any(len(side) != len(names) for side in corners):
        raise ValueError("an object lacks its name or a side of its box")
    boxes = [tuple(map(float, box)) for box in zip(*corners, strict=True)]
    if not all(math.isfinite(side) for box in boxes for side in box):
        raise ValueError("a side of a box is not finite")
    return tuple(zip(names, boxes, strict=True))


def _elements(content: bytes) -> dict[str, list[str]]:
    """The texts of an XML document's elements by their path below the root, in order; parts of objects are left out."""
    path: list[str] = []
    found: dict[str, list[str]] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) > MOST_DEPTH:
            raise ValueError(f"elements nest deeper than {MOST_DEPTH}")
        found.setdefault("/".join(path[1:]), []).append("")

    def text(part: str) -> None:
        found["/".join(path[1:])][-1] += part

    def refuse(name: str, *rest: object) -> None:
        raise ValueError("it declares a document type, which may hold entities")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.CharacterDataHandler = start, text
    parser.EndElementHandler = lambda name: path.pop()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(content, True)
    return {name: [value.strip() for value in values] for name, values in found.items()}


def class_count(root: Path, classes: tuple[str, ...] | None, labelled: Path | None) -> int | None:
    """How many classes `read_voc` would find; None where it cannot be told. Never raises."""
    try:
        named = classes or tuple(sorted({name for a in _trained(root, _stamp(root)) for name, _ in a.objects}))
        extra = find_classes(labelled, Counter()) if labelled else ()
    except (CnnwizError, OSError, ValueError):
        return None
    return len({*named, *extra}) or None


def read_voc(root: Path, classes: tuple[str, ...] | None, labelled: Path | None, repeat: int) -> Records:
    """All splits of a folder. Classes are those of the training boxes, sorted, or as given, then those that only
    `labelled` has. Raises CnnwizError where files are missing or contradict themselves."""
    from cnnwiz.data.records import Records, listed

    images, names = _images(root), _names(root)
    found = {split: [read_annotation(_annotation(root, name)) for name in some] for split, some in names.items()}
    known = classes or tuple(sorted({name for annotation in found["train"] for name, _ in annotation.objects}))
    if not known:
        raise CnnwizError(f"{str(root)!r}: no object in the training annotations")
    folders = find_classes(labelled, Counter()) if labelled else {}
    everything = (*known, *(name for name in folders if name not in known))
    notices: Counter[str] = Counter()
    splits = {}
    for split, some in found.items():
        if unknown := sorted({name for a in some for name, _ in a.objects} - set(known)):
            if classes is None:
                raise CnnwizError(f"{str(root)!r}: {split} holds {listed(unknown)}, which training has no box of")
            notices[f"boxes of classes not named in data.source.pascal_voc.classes are left out: {listed(unknown)}"] = 1
        rows = [_shares(annotation, known, notices) for annotation in some]
        files = tuple(_file(root, images, name) for name in names[split])
        splits[split] = _split(tuple(names[split]), tuple(map(str, files)), rows)
    if (labelled or repeat > 1) and "validation" not in splits:
        raise CnnwizError(f"{str(root)!r}: labelled and repeat need validation images of their own: write val.txt")
    if labelled or repeat > 1:
        splits["train"] = _with_labelled(splits["train"], everything, folders, repeat)
    told = tuple(text if count == 1 else f"{text} ({count})" for text, count in notices.items())
    return Records(everything, splits["train"], splits.get("validation"), splits.get("test"), told)


def _shares(annotation: Annotation, known: tuple[str, ...], notices: Counter[str]) -> list[list[float]]:
    """Boxes as rows left, top, right, bottom, class; what lies outside the image is cut off."""
    rows = []
    for name, (left, top, right, bottom) in annotation.objects:
        if name not in known:
            continue
        sides = (left - 1) / annotation.width, (top - 1) / annotation.height
        sides += right / annotation.width, bottom / annotation.height
        inside = [min(max(side, 0.0), 1.0) for side in sides]
        if right <= left or bottom <= top or inside[2] <= inside[0] or inside[3] <= inside[1]:
            notices["boxes without area are left out"] += 1
            continue
        rows.append([*inside, known.index(name)])
    return rows


def _split(keys: tuple[str, ...], files: tuple[str, ...], rows: list[list[list[float]]]) -> Split:
    """Images with their rows as one array, filled up with -1. An image counts to its rarest class."""
    import numpy as np

    from cnnwiz.data.records import Split

    boxes = np.full((len(rows), max(map(len, rows), default=0), 5), -1, np.float32)
    for image, some in enumerate(rows):
        boxes[image, : len(some)] = np.array(some, np.float32).reshape(-1, 5)
    classes = boxes[..., 4].astype(np.int64)
    counts = np.bincount(classes[classes >= 0], minlength=1)
    rare = np.argsort(np.argsort(counts, kind="stable"), kind="stable")  # 0 for the class with fewest boxes
    ranks = np.where(classes >= 0, rare[classes.clip(0)], len(counts)).min(1, initial=len(counts))
    labels = np.append(np.argsort(counts, kind="stable"), 0)[ranks]
    return Split(labels, keys, files, boxes=boxes)


def _with_labelled(split: Split, classes: tuple[str, ...], folders: dict[str, Path], repeat: int) -> Split:
    """The images with boxes, `repeat` times, and behind them those of the class folders, whose class is all we know."""
    import numpy as np

    from cnnwiz.data.records import Split

    assert split.boxes is not None
    pairs = [
        (classes.index(name), folder / file)
        for name, folder in folders.items()
        for file in find_images(folder, folder.parent, Counter())
    ]
    boxes = np.full((len(pairs), max(split.boxes.shape[1], 1), 5), -1, np.float32)
    boxes[:, 0, 4] = [label for label, _ in pairs]
    own = np.pad(split.boxes, ((0, 0), (0, boxes.shape[1] - split.boxes.shape[1]), (0, 0)), constant_values=-1)
    return Split(
        np.concatenate([np.tile(split.labels, repeat), np.array([label for label, _ in pairs], np.int64)]),
        split.keys * repeat + tuple(f"{file.parent.name}/{file.name}" for _, file in pairs),
        split.files * repeat + tuple(str(file) for _, file in pairs),
        boxes=np.concatenate([np.tile(own, (repeat, 1, 1)), boxes]),
    )


def _names(root: Path) -> dict[str, list[str]]:
    """The names of the images of each split: as ImageSets/Main lists them; without lists all are for training."""
    folder = root / "ImageSets" / "Main"
    found = {}
    for split, lists in SPLITS.items():
        file = next((folder / f"{name}.txt" for name in lists if (folder / f"{name}.txt").is_file()), None)
        if file is not None:
            try:
                found[split] = file.read_text(encoding="utf-8").split("\n")
            except (OSError, UnicodeDecodeError) as error:
                raise CnnwizError(f"{str(file)!r}: cannot be read: {error}") from None
            found[split] = [FLAG.sub("", line.strip()) for line in found[split] if line.strip()]
    if not found:
        if not (root / "Annotations").is_dir():
            raise CnnwizError(
                f"{str(root)!r} has no folder Annotations; paths in the spec start at the current directory"
            )
        found["train"] = sorted(file.stem for file in (root / "Annotations").glob("*.xml"))
    if not found.get("train"):
        raise CnnwizError(f"{str(root)!r}: ImageSets/Main lists no image for training: write train.txt")
    return found


def _annotation(root: Path, name: str) -> Path:
    """The annotation of an image; a name out of a list must not lead elsewhere."""
    if name != Path(name).name or name.startswith("."):
        raise CnnwizError(f"{str(root)!r}: ImageSets/Main holds {name!r}, which is no name of an image")
    return root / "Annotations" / f"{name}.xml"


def _images(root: Path) -> dict[str, Path]:
    """The image files by name without extension."""
    folder = root / "JPEGImages"
    return {Path(name).stem: folder / name for name in find_images(folder, root, Counter())}


def _file(root: Path, images: dict[str, Path], name: str) -> Path:
    if name not in images:
        raise CnnwizError(f"{str(root)!r}: JPEGImages has no image {name!r}, which ImageSets/Main or Annotations names")
    return images[name]


@functools.lru_cache(maxsize=4)
def _trained(root: Path, stamp: int) -> tuple[Annotation, ...]:
    """The annotations for training; `stamp` tells the state of the folder that they were read in."""
    return tuple(read_annotation(_annotation(root, name)) for name in _names(root)["train"])


def _stamp(root: Path) -> int:
    return (root / "Annotations").stat().st_mtime_ns
