"""Processes that decode ahead of the one that needs the images, and what happens when one of them dies or hangs."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from cnnwiz.errors import CnnwizError, first_line

TIMEOUT = 120  # seconds after which a worker that still decodes one image is stuck, and ends itself


class Task(Protocol):
    """What a worker does: an index in, its result out."""

    def __getitem__(self, index: Any, /) -> Any: ...


def ahead(task: Task, indices: Iterable[Any], workers: int, most: int) -> Iterator[Any]:
    """task[index] for each index in turn, done ahead by `workers` processes; arrays in it become tensors.

    An index is asked for when its turn comes near and stands for `most` images or fewer. Raises CnnwizError (code 6)
    for a process that died or hangs.
    """
    import torch
    from torch.utils.data import DataLoader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # more workers than cores can be right where a disk is slow
        loader = DataLoader(
            task,  # pyright: ignore[reportArgumentType]: a Dataset by what it does
            batch_size=None,
            sampler=indices,  # pyright: ignore[reportArgumentType]: an index may be anything that the task takes
            num_workers=workers,
            worker_init_fn=_set_signals,
            timeout=TIMEOUT + 2 * most,  # 2 seconds is long for one image
            generator=torch.Generator(),  # else it takes a number from the generator that dropout uses
        )
        results = iter(loader)  # which warns once more
    try:
        yield from results
    except (RuntimeError, EOFError, FileNotFoundError) as error:  # what torch raises for a dead or silent worker
        raise CnnwizError(
            f"a process that decodes images died or hangs ({first_line(error)}): try fewer workers", 6
        ) from None


def alarm(seconds: int) -> None:
    """In a worker: end the process if it is still decoding after so many seconds; 0 calls that off."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _set_signals(_: int) -> None:
    """The main process decides when to stop; a signal to the whole group must not take its workers away first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
