"""What `cnnwiz lint --fix` and `--diff` do with a file: show the changes, or write them at once and completely."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from cnnwiz.amounts import count
from cnnwiz.cli.plain import visible
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.rules.repair import Repaired
    from cnnwiz.spec import Document

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def changes(document: Document, repair: Repaired) -> Iterator[str]:
    """The difference between a document and its repaired text, as `diff -u` prints it and `patch` takes it."""
    before, after = document.text.splitlines(), repair.document.text.splitlines()
    done = f"(after {count(len(repair.applied), 'repair')})"
    for line in unified_diff(before, after, document.name, document.name, "", done, n=1, lineterm=""):
        yield visible(line)


def rewrite(path: Path, text: str) -> None:
    """Replace a file's content by `text`, but for its byte order mark."""
    try:
        mark = BYTE_ORDER_MARK if path.read_bytes().startswith(BYTE_ORDER_MARK) else b""
    except OSError as error:
        raise CnnwizError(f"{path}: cannot be read: {error.strerror}", 4) from None
    write_whole(path, mark + text.encode("utf-8"))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; whoever reads meanwhile, or after a crash, gets the old content or the new one."""
    target = path.resolve()  # a link stays a link
    if not target.parent.is_dir():
        raise CnnwizError(f"{path}: there is no folder {path.parent}; make it first")
    fresh = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, fresh)
        fresh.replace(target)
    except OSError as error:
        raise CnnwizError(f"{path}: cannot be written: {error.strerror}", 4) from None
    finally:
        fresh.unlink(missing_ok=True)
