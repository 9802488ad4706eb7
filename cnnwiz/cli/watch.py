"""`cnnwiz lint --watch`: look again whenever a file changes, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from cnnwiz.cli.console import is_plain
from cnnwiz.cli.plain import visible
from cnnwiz.errors import CnnwizError

INTERVAL = 0.3  # seconds between two looks at the clocks of the files
Stamp = dict[Path, tuple[int, int]]


def watch(once: Callable[[], object], paths: Callable[[], Iterable[Path]]) -> NoReturn:
    """Call `once` now and after every change of `paths`, which are asked for again each time. Ends by Ctrl-C only."""
    known: Stamp | None = None
    watched: list[Path] = []
    while True:
        now = _stamps(watched)
        if now != known:
            watched = list(paths())
            known = _stamps(watched)  # before looking: what changes meanwhile is looked at again
            _clear()
            try:
                once()
            except CnnwizError as error:  # a file is away for a moment while an editor saves it
                print(visible(f"error: {error}"), file=sys.stderr)
            sys.stdout.flush()
            files = sum(path.is_file() for path in watched)
            print(f"{time.strftime('%H:%M:%S')} watching {files} files; Ctrl-C ends", file=sys.stderr, flush=True)
        time.sleep(INTERVAL)


def _stamps(paths: Iterable[Path]) -> Stamp:
    """When each path was last written, and its size; nothing of those that are not there."""
    stamps = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        stamps[path] = (status.st_mtime_ns, status.st_size)
    return stamps


def _clear() -> None:
    """A fresh screen, where there is one."""
    if sys.stdout.isatty() and not is_plain():
        sys.stdout.write("\x1b[2J\x1b[H")
