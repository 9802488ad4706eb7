"""What `cnnwiz lint --fix` and `--diff` do with a file: show the changes, or write them at once and completely."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from cnnwiz.amounts import count
from cnnwiz.cli.plain import visible
from cnnwiz.cli.write import write_whole
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
