"""Curves for TensorBoard (extra `track`): the numbers of each epoch, in the run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnwiz.training.events import Event

GROUPS = {"train_": "training", "val_": "validation", "test_": "test"}


@contextmanager
def curves(run_dir: Path | None) -> Iterator[Callable[[Event], None]]:
    """A function that takes in events and draws epochs below `run_dir`/tensorboard; one that draws nothing for None.

    Epochs of a run that goes on replace those behind its checkpoint. Raises CnnwizError where TensorBoard is missing.
    """
    if run_dir is None:
        yield lambda _: None
        return
    from cnnwiz.errors import CnnwizError
    from cnnwiz.training.events import Epoch, Finished, Started

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise CnnwizError("--tensorboard needs the package tensorboard: pip install 'cnnwiz[track]'") from None
    writer: list[SummaryWriter] = []

    def draw(event: Event) -> None:
        if isinstance(event, Started):
            writer.append(SummaryWriter(str(run_dir / "tensorboard"), purge_step=event.epoch + 1))
        if isinstance(event, Epoch):
            for name, value in {**event.metrics(), **event.timing()}.items():
                if name != "epoch" and value is not None:
                    writer[0].add_scalar(_title(name), value, event.epoch)
            writer[0].flush()
        if isinstance(event, Finished):
            for name, value in event.metrics.items():
                if name.startswith("test_"):
                    writer[0].add_scalar(_title(name), value)

    try:
        yield draw
    finally:
        for one in writer:
            one.close()


def _title(name: str) -> str:
    """`validation/accuracy` for val_accuracy: TensorBoard groups by what is in front of the slash."""
    for prefix, group in GROUPS.items():
        if name.startswith(prefix):
            return f"{group}/{name.removeprefix(prefix)}"
    return f"training/{name}"
