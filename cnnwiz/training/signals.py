"""Ctrl-C, SIGTERM and a time limit: the first asks the loop to stop after its step, another signal ends the process."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

HEARD = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))
"""SIGUSR1 is what Slurm is often told to send ahead of the end; it counts as SIGTERM."""


def end_with_launcher() -> None:
    """Let Linux send SIGTERM when the process that started this rank has died, so that no rank is left alone."""
    launcher = os.environ.get("CNNWIZ_LAUNCHER")
    if launcher is None or not sys.platform.startswith("linux"):
        return
    PR_SET_PDEATHSIG = 1  # noqa: N806 - linux/prctl.h
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != int(launcher):  # it died before that
        os.kill(os.getpid(), signal.SIGTERM)


class StopRequest:
    """While entered, remembers the first signal instead of letting it raise. `seconds` behind its making it asks to
    stop by itself, as SIGTERM would."""

    def __init__(self, seconds: float | None = None) -> None:
        self._number = 0
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._before: dict[int, Any] = {}
        # torchrun, and Slurm behind it, answer one signal with one more to each rank: all that is the same request.
        self._patience = 10.0 if "TORCHELASTIC_RUN_ID" in os.environ else 0.0
        self._first: float | None = None

    def __enter__(self) -> StopRequest:
        for number in HEARD:
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def number(self) -> int:
        """The signal that asked to stop, SIGTERM when time is up, 0 when neither."""
        if not self._number and self._deadline is not None and time.monotonic() >= self._deadline:
            self._number = int(signal.SIGTERM)
        return self._number

    def _hear(self, number: int, frame: FrameType | None) -> None:
        meaning = int(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
        now = time.monotonic()
        if self._first is not None:
            if now - self._first >= self._patience:
                os._exit(128 + meaning)
            return
        self._first = now
        if self._number:  # time was up already
            return
        self._number = meaning
        if os.environ.get("RANK", "0") == "0":
            with suppress(OSError):  # nobody may be listening any more; one write and no locks, whatever is going on
                os.write(2, b"\nstopping after this step; once more stops at once\n")
