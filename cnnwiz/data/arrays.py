"""Images that come as arrays: an .npz file, and the digits that scikit-learn carries."""

from __future__ import annotations

import ast
import math
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    import numpy as np

    from cnnwiz.data.records import Records, Split

MEMBERS = ("x_train", "y_train", "x_test", "y_test")
BUFFER_CODES = {"|u1": "B", "|i1": "b", "<u2": "H", "<i2": "h", "<u4": "I", "<i4": "i", "<u8": "Q", "<i8": "q"}


def read_npz(path: Path) -> Records:
    """x_train, y_train, x_test and y_test of an .npz file. Classes are the numbers 0 to the largest training label."""
    import numpy as np

    from cnnwiz.data.records import Records

    _require_room(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if missing := [name for name in MEMBERS if name not in archive.files]:
                raise CnnwizError(f"{str(path)!r} has no array {', '.join(missing)}; it needs {', '.join(MEMBERS)}")
            arrays = {name: archive[name] for name in MEMBERS}
    except FileNotFoundError:
        raise CnnwizError(f"no such file: {str(path)!r}; paths in the spec start at the current directory") from None
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise CnnwizError(f"{str(path)!r} is not a readable .npz file of plain arrays: {error}") from None
    classes = int(arrays["y_train"].max()) + 1 if arrays["y_train"].size and arrays["y_train"].dtype.kind in "iu" else 0
    train = split_of(arrays["x_train"], arrays["y_train"], classes, f"{str(path)!r}: x_train", "y_train")
    test = split_of(arrays["x_test"], arrays["y_test"], classes, f"{str(path)!r}: x_test", "y_test")
    if train.pixels.shape[3] != test.pixels.shape[3]:  # pyright: ignore[reportOptionalMemberAccess]
        raise CnnwizError(f"{str(path)!r}: x_train and x_test differ in their number of channels")
    return Records(tuple(str(label) for label in range(classes)), train, None, test)


def _require_room(path: Path) -> None:
    """Raise CnnwizError where the arrays, as their headers or the archive promise, are larger than the memory allows: a
    file of some kilobytes may promise any size."""
    from cnnwiz.data.pixels import memory_for_images

    try:
        with zipfile.ZipFile(path) as archive:
            promised = sum(entry.file_size for entry in archive.infolist())
            shapes = [_member(archive, name, False)[1] for name in MEMBERS if f"{name}.npy" in archive.namelist()]
    except (OSError, zipfile.BadZipFile, LookupError, ValueError, SyntaxError, TypeError, struct.error, EOFError):
        return  # reading it says what is wrong
    size = max(promised, sum(math.prod(shape) for shape in shapes))
    if size > 2 * memory_for_images():
        raise CnnwizError(f"{str(path)!r} promises {size / 2**30:.0f} GiB of arrays, more than the memory allows")


def split_of(images: np.ndarray, labels: np.ndarray, classes: int, images_name: str, labels_name: str) -> Split:
    """Checked arrays as a split: images uint8 (N, H, W) or (N, H, W, 1 or 3), labels integers from 0 to classes - 1."""
    import numpy as np

    from cnnwiz.data.records import Split

    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise CnnwizError(
            f"{images_name} is {images.dtype} of shape {images.shape}; it must be uint8 (N, H, W) or (N, H, W, 1 or 3)"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise CnnwizError(
            f"{labels_name} is {labels.dtype} of shape {labels.shape}; it must be {len(images)} integers, one per image"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise CnnwizError(
            f"{labels_name}[{wrong[0]}] is {labels[wrong[0]]}, outside 0 to {classes - 1} ({len(wrong)} such labels)"
        )
    return Split(labels.astype(np.int64), tuple(str(index) for index in range(len(labels))), pixels=images)


def peek_npz(path: Path) -> tuple[int, int, int | None] | None:
    """Classes, channels and side (None if not square) of an .npz file without numpy; None where it cannot be told."""
    try:
        with zipfile.ZipFile(path) as archive:
            _, shape, _ = _member(archive, "x_train", False)
            code, _, data = _member(archive, "y_train", True)
        channels = 1 if len(shape) == 3 else shape[3]
        classes = max(memoryview(data).cast(BUFFER_CODES[code])) + 1  # pyright: ignore[reportCallIssue, reportArgumentType]
        return classes, channels, shape[1] if shape[1] == shape[2] else None
    except (OSError, zipfile.BadZipFile, LookupError, ValueError, SyntaxError, TypeError, struct.error, EOFError):
        return None


def _member(archive: zipfile.ZipFile, name: str, content: bool) -> tuple[str, tuple[int, ...], bytes]:
    """Type code, shape and, if wanted, the first 256 MiB of an array: the .npy format, version 1 to 3."""
    with archive.open(f"{name}.npy") as file:
        version = file.read(8)[6]
        (length,) = struct.unpack("<H", file.read(2)) if version == 1 else struct.unpack("<I", file.read(4))
        header: dict[str, Any] = ast.literal_eval(file.read(length).decode("latin1"))
        return header["descr"], header["shape"], file.read(2**28) if content else b""


def read_digits() -> Records:
    """scikit-learn's 1,797 scans of digits, 8x8, grey; a fifth of each class is the test set, always the same one."""
    import numpy as np
    from sklearn.datasets import load_digits

    from cnnwiz.data.records import Records
    from cnnwiz.data.split import stratified

    scans, labels = load_digits(return_X_y=True)
    images = np.rint(scans.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # stored as 0 to 16
    everything = split_of(images, labels, 10, "digits", "labels")
    test = stratified(everything.labels, everything.keys, 0.2, seed=0)
    return Records(tuple(str(digit) for digit in range(10)), everything.subset(~test), None, everything.subset(test))
