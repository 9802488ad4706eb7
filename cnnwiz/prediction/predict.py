"""The network's answers for image files, one after the other, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnwiz.data.stream import decoded_groups
from cnnwiz.evaluation.outputs import outputs_for
from cnnwiz.evaluation.trained import Trained
from cnnwiz.training.detect import boxes_of, maps_of
from cnnwiz.training.evaluate import EVAL_BATCH

MOST_VALUES = 2**24  # of the canvases of a group: 16 MB


class Box(NamedTuple):
    """An object that was found: its class, how sure, and left, top, right, bottom as shares of the image's sides."""

    name: str
    score: float
    sides: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What is said of one file: classes, an embedding or boxes, or why it cannot be read."""

    file: str
    top: tuple[tuple[str, float], ...] = ()  # (class, probability), the highest first
    embedding: np.ndarray | None = None  # float32 (F,), for task embed
    boxes: tuple[Box, ...] | None = None  # for task detect, the highest score first
    error: str | None = None


def predict(
    trained: Trained, files: Iterable[Path], top: int = 1, workers: int = 0, tta: str = "none"
) -> Iterator[Prediction]:
    """One answer for each file, in their order; a file that cannot be read gives one with an `error`.

    Images are treated as `cnnwiz eval` treats them; `workers` processes decode ahead.
    """
    canvas, channels = trained.preprocessing["canvas"], trained.preprocessing["channels"]
    whole = trained.preprocessing.get("fit") == "stretch"
    size = max(min(EVAL_BATCH, MOST_VALUES // (canvas * canvas * channels)), 1)
    for group in decoded_groups(files, size, canvas, channels, whole, workers):
        answers = _answers(trained, group.canvases, top, tta)
        for place, file in enumerate(group.files):
            if place in group.damaged:
                yield Prediction(file, error=group.damaged[place])
            else:
                yield Prediction(file, *next(answers))


def _answers(trained: Trained, canvases: np.ndarray, top: int, tta: str) -> Iterator[tuple[Any, ...]]:
    """Classes, embedding and boxes of each canvas (B, S, S, C), as `Prediction` takes them."""
    if not len(canvases):
        return
    outputs = outputs_for(trained, canvases, tta)
    if trained.detects:
        for found in boxes_of(trained.spec, maps_of(trained.spec, outputs)):
            rows = zip(found.classes.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True)
            yield (), None, tuple(Box(trained.classes[label], score, sides) for label, score, sides in rows)[:top]
        return
    if trained.embeds:
        yield from (((), output) for output in outputs.numpy())
        return
    shares = outputs.double().softmax(1)
    # Of equal scores the lower number comes first, as argmax takes it.
    order = outputs.argsort(dim=1, descending=True, stable=True)[:, :top]
    for row, places in zip(shares.tolist(), order.tolist(), strict=True):
        yield tuple((trained.classes[place], row[place]) for place in places), None
