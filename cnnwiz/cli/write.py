"""Files that are replaced whole or not at all: the new content lies beside the old one until it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnwiz.errors import CnnwizError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; whoever reads meanwhile, or after a crash, gets the old content or the new one."""
    target = path.resolve()  # a link stays a link
    with replacing(target, content, path) as fresh:
        if target.exists():
            shutil.copymode(target, fresh)


@contextmanager
def replacing(target: Path, content: bytes, named: Path) -> Iterator[Path]:
    """A file with this content beside `target`, safe on the disk; when the block ends well it takes the target's place.

    Raises CnnwizError, 2 or 4, for what the system refuses, in the block too; `named` is what the user calls the file.
    """
    if not target.parent.is_dir():
        raise CnnwizError(f"{named}: there is no folder {named.parent}; make it first")
    fresh = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
        fresh.replace(target)
    except OSError as error:
        raise CnnwizError(f"{named}: cannot be written: {error.strerror}", 4) from None
    finally:
        fresh.unlink(missing_ok=True)
