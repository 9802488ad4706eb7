"""Whether an exported network says what the run's network says, on real images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cnnwiz.data.pixels import Pixels
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation.outputs import outputs_for
from cnnwiz.evaluation.trained import Trained

BATCHES = (1, 7, 64)
"""Sizes of the first batches, then the last one again: a file that takes one size only fails here."""

Runner = Callable[[np.ndarray], np.ndarray]
"""The exported network: canvases uint8 (B, S, S, C) to its output (B, K)."""


@dataclass(frozen=True)
class Parity:
    """What the comparison found."""

    images: int
    source: str  # which images
    difference: float  # the greatest between any two outputs
    scale: float  # the greatest output, or 1
    tolerance: float  # of the difference, relative to the scale
    agreement: float | None  # share of images whose highest score is the same class's; None for embeddings
    accuracy: float | None  # of the run on these images; None for embeddings
    exported_accuracy: float | None

    @property
    def holds(self) -> bool:
        """Whether the file may be used in place of the run."""
        return self.difference <= self.tolerance * self.scale and self.agreement in (1.0, None)

    def as_json(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return asdict(self)


def compare(trained: Trained, pixels: Pixels, runner: Runner, source: str, tolerance: float) -> Parity:
    """The run's outputs on some images against those of the file, in the same batches: arithmetic of other batch sizes
    rounds otherwise."""
    batches = [pixels.batch(group) for group in groups(len(pixels))]
    expected = np.concatenate([outputs_for(trained, canvases).numpy() for canvases in batches])
    found = np.concatenate([runner(canvases) for canvases in batches])
    if found.shape != expected.shape:
        raise CnnwizError(f"the file puts out {found.shape}, the run {expected.shape}; nothing was written", code=1)
    difference = float(np.abs(found.astype(np.float64) - expected).max())
    same: tuple[float | None, ...] = None, None, None
    if not trained.embeds:
        truths = ((found, expected.argmax(1)), (expected, pixels.labels), (found, pixels.labels))
        same = tuple(float((scores.argmax(1) == truth).mean()) for scores, truth in truths)
    return Parity(
        len(pixels),
        source,
        difference if np.isfinite(difference) else float("inf"),
        max(1.0, float(np.abs(expected).max())),
        tolerance,
        *same,
    )


def groups(count: int) -> list[np.ndarray]:
    """The indices of `count` images in batches of different sizes."""
    found, start = [], 0
    for number in range(count):
        size = BATCHES[min(number, len(BATCHES) - 1)]
        if start >= count:
            break
        found.append(np.arange(start, min(start + size, count)))
        start += size
    return found


def refuse(parity: Parity) -> None:
    """Raise CnnwizError where the file must not be used."""
    if not parity.holds:
        agreed = "" if parity.agreement is None else f", top-1 agreement {parity.agreement:.4f}"
        raise CnnwizError(
            f"the file would differ from the run: by {parity.difference:.2g} (tolerance {parity.tolerance:g} of "
            f"{parity.scale:.3g}){agreed} on {parity.images} {parity.source}; nothing was written",
            code=1,
        )
