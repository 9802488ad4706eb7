"""Ctrl-C and SIGTERM: the first asks the loop to stop after its step, the second ends the process at once."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any

_HEARD = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While entered, remembers the first signal instead of letting it raise."""

    def __init__(self) -> None:
        self._number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in _HEARD:
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def number(self) -> int:
        """The signal that asked to stop, 0 when none did."""
        return self._number

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._number:
            os._exit(128 + number)
        self._number = number
        # Only async-signal-safe work here: one write, no locks.
        os.write(2, b"\nstopping after this step; once more stops at once\n")
