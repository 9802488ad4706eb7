"""A look at a data set before anything is decided: counts, sizes, colours, damage, duplicates. No torch.

Every file is listed and measured, and compared with those of its size. Headers are read of all images, or of LOOKED
evenly drawn ones where there are more; few are decoded. The same files give the same fingerprint.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from cnnwiz.data.decode import FAILURES, FORMATS, decode
from cnnwiz.data.layout import file_facts
from cnnwiz.decisions.fingerprint import Fingerprint
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.catalog.source import Source
    from cnnwiz.data.records import Split

    Progress = Callable[[int, int], None]
    """progress(done, total): images looked at so far, and in all."""

LOOKED = 20_000  # images whose headers are read
DECODED = 256  # images decoded, to see whether those saved as RGB have colour
HEAD = 4096  # bytes of a file that are compared before the whole of it
NOISE = 4  # levels by which the channels of a grey image may differ after compression
SMALL = 256 * 256  # pixels up to which images of rarer formats are decoded to see whether they are whole
GREY_MODES = ("1", "L", "LA", "La", "I", "F")
TAIL = 16  # bytes at the end of a file in which its end mark is looked for
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


class Header(NamedTuple):
    """What is known about an image without its pixels."""

    width: int
    height: int
    grey: bool  # by its mode; an image saved as RGB may be grey all the same


def look(source: Source, progress: Progress | None = None) -> Fingerprint:
    """The fingerprint of a source's images. Raises CnnwizError where there are none, or they contradict themselves."""
    records = source.build()
    splits = {"train": records.train, "validation": records.validation, "test": records.test}
    present = {name: split for name, split in splits.items() if split is not None and len(split)}
    show = progress or (lambda done, total: None)
    seen = _files(present, show) if records.train.files else _arrays(present, show)
    counts = np.bincount(records.train.labels, minlength=len(records.classes))
    leaked, contradicting = _copies(present, seen.digests)
    sides = sorted(min(header.width, header.height) for header in seen.headers) or [0]
    first = seen.headers[0] if seen.headers else Header(0, 0, False)
    return Fingerprint(
        source=source.key,
        path=str(getattr(source, "path", "")),
        classes=records.classes,
        images=tuple(counts.tolist()),
        validation=_count(records.validation),
        test=_count(records.test),
        sides=(sides[0], sides[len(sides) // 2], sides[-1]),
        square=first.width == first.height and all(header[:2] == first[:2] for header in seen.headers),
        grey=_grey_share(seen.headers, seen.colourless),
        stored=source.facts().channels,
        looked=seen.looked,
        unreadable=tuple(seen.unreadable),
        leaked=leaked,
        contradicting=contradicting,
        compared=seen.looked == sum(len(split) for split in present.values()),
    )


class _Seen(NamedTuple):
    """What looking at the images of all splits gave."""

    headers: list[Header]
    colourless: float  # share of the decoded RGB images without colour
    digests: dict[str, list[bytes]]  # for each split: equal bytes have equal digests; empty for files unlike any other
    unreadable: list[str]
    looked: int


def _files(splits: dict[str, Split], progress: Progress) -> _Seen:
    files = [file for split in splits.values() for file in split.files]
    chosen = _evenly(len(files), LOOKED)
    alike = _alike(files, lambda done: progress(done // 2, len(files)))
    digests, start = {}, 0
    for name, split in splits.items():
        digests[name] = alike[start : start + len(split)]
        start += len(split)
    headers, unreadable = [], []
    for done, place in enumerate(chosen):
        try:
            headers.append(_header(files[place]))
        except CnnwizError as error:
            unreadable.append(str(error))
        if done % 100 == 0:
            progress((len(files) + len(files) * done // len(chosen)) // 2, len(files))
    progress(len(files), len(files))
    return _Seen(headers, _colourless(files), digests, unreadable, len(chosen))


def _arrays(splits: dict[str, Split], progress: Progress) -> _Seen:
    total = sum(len(split) for split in splits.values())
    headers, digests, equal = [], {}, []
    for name, split in splits.items():
        pixels = split.pixels
        assert pixels is not None, "a split holds files or pixels"
        height, width, channels = pixels.shape[1:]
        headers.append(Header(width, height, channels == 1))
        digests[name] = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in pixels]
        sample = pixels[_evenly(len(pixels), DECODED)].astype(int)
        equal.append(bool(np.ptp(sample, axis=3).max() <= NOISE))
    progress(total, total)
    return _Seen(headers, float(all(equal)), digests, [], total)


def _alike(files: list[str], progress: Callable[[int], None]) -> list[bytes]:
    """A digest for each file that shares size and first bytes with another one; empty bytes for the others."""
    by_size: dict[int, list[int]] = defaultdict(list)
    for index, file in enumerate(files):
        by_size[file_facts(file).st_size].append(index)
    by_head: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    done = 0
    for size, indices in by_size.items():
        for index in indices if len(indices) > 1 and size else ():
            by_head[size, _digest(files[index], HEAD)].append(index)
        done += len(indices)
        progress(done)
    found = [b""] * len(files)
    for (size, head), indices in by_head.items():
        for index in indices if len(indices) > 1 else ():
            found[index] = head if size <= HEAD else _digest(files[index], size)
    return found


def _copies(splits: dict[str, Split], digests: dict[str, list[bytes]]) -> tuple[int, int]:
    """Images of validation and test that are in training, and images that have a copy in another class."""
    training = set(digests["train"]) - {b""}
    leaked = sum(digest in training for name in digests if name != "train" for digest in digests[name])
    classes: dict[bytes, set[int]] = defaultdict(set)
    pairs = [pair for name, split in splits.items() for pair in zip(digests[name], split.labels.tolist(), strict=True)]
    for digest, label in pairs:
        classes[digest].add(label)
    return leaked, sum(bool(digest) and len(classes[digest]) > 1 for digest, _ in pairs)


def _header(file: str) -> Header:
    """Size and mode of an image file. Raises CnnwizError where it is empty, cut off, or no image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata; the pixels decide
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with open(file, "rb") as stream, Image.open(stream, formats=FORMATS) as image:  # noqa: PTH123 - many
                width, height = image.size
                header = Header(width, height, image.mode in GREY_MODES or image.mode.startswith("I;"))
                doubtful = not _ends(stream, image.format or "", width * height)
    except FAILURES:
        reason = "empty" if file_facts(file).st_size == 0 else "no image, or damaged"
        raise CnnwizError(f"{file!r}: {reason}") from None
    if doubtful:
        decode(file, 32, 3)
    return header


def _ends(stream: BinaryIO, format: str, pixels: int) -> bool:
    """Whether a file ends as whole ones of its format do; True where only decoding could tell and that is too slow."""
    if format not in ENDS:
        return pixels > SMALL
    stream.seek(-TAIL, 2)
    return ENDS[format] in stream.read()


def _colourless(files: list[str]) -> float:
    """Share of a few decoded images whose channels are equal; those that cannot be read are left out."""
    flat = []
    for place in _evenly(len(files), DECODED):
        try:
            canvas = decode(files[place], 64, 3).astype(int)
        except CnnwizError:
            continue
        flat.append(bool(np.ptp(canvas, axis=2).max() <= NOISE))
    return sum(flat) / max(len(flat), 1)


def _grey_share(headers: Iterable[Header], colourless: float) -> float:
    """Share of images without colour, 1 only where none was seen with colour."""
    by_mode = [header.grey for header in headers]
    share = sum(by_mode) / max(len(by_mode), 1)
    return 1.0 if 1.0 in (share, colourless) else max(share, colourless)


def _evenly(count: int, most: int) -> list[int]:
    """At most `most` places from 0 to count - 1, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int)).tolist()


def _count(split: Split | None) -> int:
    return 0 if split is None else len(split)


def _digest(file: str, count: int) -> bytes:
    """Of the first `count` bytes; empty where the file cannot be read, which its header will report."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - many
            return hashlib.blake2b(stream.read(count), digest_size=16).digest()
    except OSError:
        return b""
