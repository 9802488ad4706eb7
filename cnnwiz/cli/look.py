"""Looking at the images before deciding: which source a path is, when to look, and what is said about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.decisions import Answers

READ = ("folder", "arrays")
"""Sources whose images are looked at; what the sets with a name hold is known."""
DELAY = 0.3
"""Seconds before progress is shown."""
PUBLISHED = {
    "cifar-10-batches-py": "cifar10",
    "cifar-100-python": "cifar100",
    "MNIST": "mnist",
    "FashionMNIST": "fashion_mnist",
    "imagenette2": "imagenette",
    "imagenette2-320": "imagenette",
    "imagenette2-160": "imagenette",
    "flowers-102": "flowers102",
}
"""The folder in which torchvision keeps each of them."""


def source_at(data: str) -> dict[str, str]:
    """What `--data` says as answers: the name of a source, a folder, or an .npz file."""
    from cnnwiz.catalog.source import SOURCES

    known = {source.key: source for source in SOURCES}
    if data in known and "path" not in known[data].model_fields:
        return {"data.source": data}
    path = Path(data)
    if path.is_dir():
        found = next((key for folder, key in PUBLISHED.items() if (path / folder).is_dir()), "folder")
        return {"data.source": found, "data.path": data}
    if path.is_file() and path.suffix == ".npz":
        return {"data.source": "arrays", "data.path": data}
    if path.exists():
        raise CnnwizError(f"--data {data}: neither a folder of images nor an .npz file")
    names = ", ".join(key for key, source in known.items() if "path" not in source.model_fields)
    raise CnnwizError(f"--data {data}: no such file or folder; give one, or the name of a source: {names}")


def looked_at(answers: Answers, progress: Callable[[str], None]) -> tuple[Answers, list[str]]:
    """The answers with the fingerprint of their images, and what to say about them; nothing if that is known already.

    Raises CnnwizError where the images cannot be used.
    """
    from cnnwiz.decisions.data import has_path, seen_of, source_of
    from cnnwiz.decisions.questions import before

    known = before(answers)
    if known.get("data.source") not in READ or (has_path(known) and "data.path" not in known) or seen_of(known):
        return answers, []
    source = source_of(known)
    if not Path(known["data.path"]).exists():  # a spec may be written for data that are elsewhere
        return answers, [f"There is nothing at {known['data.path']!r} now, so the images cannot be looked at."]
    from cnnwiz.data.look import look

    begun = drawn = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - begun > DELAY and now - drawn > 0.1:
            drawn = now
            progress(f"looking at the images [{'#' * (24 * done // max(total, 1)):<24}] {done:,} of {total:,}")

    seen = look(source, show)
    if drawn > begun:
        progress("")
    return answers.having_seen(seen), [f"Data: {seen.headline()}.", *seen.remarks()]
