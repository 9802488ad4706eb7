"""Files that are written whole or not at all: temporary name, fsync, rename, fsync of the folder. No torch."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnwiz.errors import CnnwizError

TEMPORARY = ".tmp."


def write_text(path: Path, text: str) -> None:
    """A small text file, written whole or not at all."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        temporary.write_text(text, encoding="utf-8")
        settle(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CnnwizError(f"{path}: cannot be written: {reason(error)}", code=4) from None


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """What the system refuses meanwhile becomes CnnwizError (code 4) that names `path`."""
    try:
        yield
    except OSError as error:
        raise CnnwizError(f"{path}: cannot be written: {reason(error)}; earlier files are intact", code=4) from None


def settle(temporary: Path, path: Path) -> None:
    """Make a finished temporary file durable under its final name."""
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def reason(error: Exception) -> str:
    """Why the system refused, in a few words; safetensors hides the number of the error in its text."""
    text = str(error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "os error 28" in text:
        return "no space left on the device"
    return getattr(error, "strerror", None) or " ".join(text.split())[:200]


def unusable(path: Path, error: OSError) -> CnnwizError:
    """Why a run cannot be held at `path`: a storage problem (code 4), or a path that is not one for us (code 2)."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    return CnnwizError(f"{path}: cannot hold a run: {reason(error)}", code=4 if full else 2)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
