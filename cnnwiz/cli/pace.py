"""How fast a run is and how long it will still take, from the steps that it tells of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnwiz.training.events import Started, Step


class Pace:
    """Seconds of this epoch's steps, and of the last whole epoch with its validation."""

    def __init__(self, started: Started) -> None:
        self.epochs = started.epochs
        self.began = time.monotonic()
        self.before: int | None = None
        """Steps of this epoch that another process made."""
        self.whole: float | None = None

    def step(self, event: Step) -> None:
        """Take in a step; the first one tells where this process began."""
        if self.before is None:
            self.before = event.step - 1

    def epoch(self) -> None:
        """An epoch is over, validation and all."""
        now = time.monotonic()
        if self.before == 0:
            self.whole = now - self.began
        self.began, self.before = now, 0

    def images_per_second(self, event: Step) -> float:
        """Of the steps since the epoch began here."""
        return event.images / self._of_a_step(event)

    def left(self, event: Step) -> float:
        """Seconds until the run ends, if later epochs are like this one and the last."""
        step = self._of_a_step(event)
        return step * (event.steps - event.step) + self.left_behind(event.epoch + 1, step * event.steps)

    def left_behind(self, epochs: int, guess: float = 0.0) -> float:
        """Seconds until the run ends when so many epochs are done; `guess`: of an epoch, while none was seen whole."""
        return (self.epochs - epochs) * (guess if self.whole is None else self.whole)

    def _of_a_step(self, event: Step) -> float:
        return max(time.monotonic() - self.began, 1e-9) / max(event.step - (self.before or 0), 1)
