"""Several processes that train one network: each takes a share of every batch, all compute what one would."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from cnnwiz.catalog.loss import Center, Triplet
from cnnwiz.catalog.sampler import PK
from cnnwiz.errors import CnnwizError, first_line
from cnnwiz.spec import Spec
from cnnwiz.training.mesh import LIMIT, Mesh, meet
from cnnwiz.training.signals import end_with_launcher

T = TypeVar("T")
TIMEOUT = 300
"""Seconds without an answer after which a rank counts as dead."""
LONG = timedelta(days=1)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together: rank `number` of `count`. Alone, everything here does nothing."""

    number: int = 0
    count: int = 1
    local: int = 0
    """Its number on this machine."""
    _control: dist.ProcessGroup | None = field(default=None, repr=False)
    _patient: dist.ProcessGroup | None = field(default=None, repr=False)
    _mesh: Mesh | None = field(default=None, repr=False)

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files and speaks."""
        return self.number == 0

    def share(self, length: int) -> slice:
        """This rank's part of a batch of `length` images: contiguous, as even as can be."""
        return slice(length * self.number // self.count, length * (self.number + 1) // self.count)

    def weight(self, length: int) -> float:
        """What to multiply the mean over this rank's share by, so that the mean over ranks is that of the batch."""
        part = self.share(length)
        return (part.stop - part.start) * self.count / length

    def agree(self, number: int) -> int:
        """The largest of the numbers that the ranks give."""
        if self.count == 1:
            return number
        told = torch.tensor(int(number))
        with self.failures():
            if self._mesh:
                return int(self._mesh.gather(told).max())
            dist.all_reduce(told, dist.ReduceOp.MAX, self._control)
        return int(told)

    def total(self, values: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        if self.count == 1:
            return values
        with self.failures():
            if self._mesh and values.device.type == "cpu" and values.nbytes <= LIMIT:
                return values.copy_(self._mesh.gather(values).sum(0))
            dist.all_reduce(values)
        return values

    def __deepcopy__(self, memo: object) -> Ranks:
        """A process has one place among the others; copies of a network share it."""
        return self

    def leave(self) -> None:
        """End what `join` began."""
        if self._mesh:
            self._mesh.close()
        if self.count > 1:
            dist.destroy_process_group()

    def spread(self, tensors: list[Tensor]) -> None:
        """Give all ranks what the leader's tensors hold."""
        if self.count > 1:
            with self.failures():
                for tensor in tensors:
                    dist.broadcast(tensor.detach(), 0)

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network as training calls it: gradients become the mean over ranks."""
        if self.count == 1 or not any(parameter.requires_grad for parameter in network.parameters()):
            return network
        # Looking for unused parameters keeps the buckets as they are made: sums round alike behind a resumption.
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        with self.failures():
            return DistributedDataParallel(
                network, broadcast_buffers=False, find_unused_parameters=True, gradient_as_bucket_view=True
            )

    def leader_first(self, work: Callable[[], T], everywhere: bool = False) -> T:
        """Do `work` on each machine's first rank (`everywhere`: on the leader), then on the others, which find what it
        left."""
        if self.count == 1:
            return work()
        waits = bool(self.number if everywhere else self.local)
        with self.failures():
            if waits:
                dist.barrier(self._patient)
            done = work()
            if not waits:
                dist.barrier(self._patient)
            return done

    def average(self, module: nn.Module) -> None:
        """Make the gradients of a module that is not wrapped the mean over ranks."""
        for parameter in module.parameters() if self.count > 1 else ():
            if parameter.grad is not None:
                self.total(parameter.grad).div_(self.count)

    def meet(self) -> None:
        """Wait, however long it takes, until all ranks are here."""
        if self.count > 1:
            with self.failures():
                dist.barrier(self._patient)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """What the library raises when another rank died or is silent, as CnnwizError (code 6)."""
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or isinstance(error, torch.OutOfMemoryError) or not _is_about_ranks(error):
                raise
            raise CnnwizError(f"rank {self.number}: lost another rank ({first_line(error)[:160]})", code=6) from None


ALONE = Ranks()


def join(device: str, timeout: float = TIMEOUT) -> Ranks:
    """Meet the other processes that `cnnwiz train --nproc`, torchrun or Slurm started; ALONE where there are none.

    The environment says who is who: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return ALONE
    number, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", os.environ["RANK"]))
    end_with_launcher()
    gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    limit = timedelta(seconds=timeout)
    if gpu:
        torch.cuda.set_device(local)
    try:
        dist.init_process_group("nccl" if gpu else "gloo", timeout=limit, rank=number, world_size=count)
        control, patient = _group(limit), _group(LONG)
        mesh = meet(number, count, control, limit)
    except (RuntimeError, ValueError, OSError) as error:  # torch's DistError is a RuntimeError
        raise CnnwizError(f"rank {number}: the {count} ranks did not meet: {first_line(error)[:160]}", code=6) from None
    return Ranks(number, count, local, control, patient, mesh)


def _group(limit: timedelta) -> dist.ProcessGroup:
    """All ranks once more, over gloo."""
    group = dist.new_group(backend="gloo", timeout=limit)
    assert not isinstance(group, int), "what ranks get that are not in it"
    return group


def require_divisible(spec: Spec, count: int) -> None:
    """Raise CnnwizError where `count` ranks could not compute what one does."""
    if count == 1:
        return
    if spec.training.batch_size < 2 * count:
        raise CnnwizError(f"training.batch_size {spec.training.batch_size} is too small for {count} ranks")
    if isinstance(spec.loss, (Triplet, Center)):
        raise CnnwizError(
            f"loss.{spec.loss.key} compares the images of a batch, which {count} ranks would not see whole"
        )
    if spec.optimizer.closure or spec.optimizer.create_graph or spec.optimizer.key == "kfac":
        raise CnnwizError(f"optimizer.{spec.optimizer.key} works in one process only; take --nproc 1")
    if isinstance(spec.training.sampler, PK) and spec.training.batch_size % count:
        raise CnnwizError(f"{count} ranks do not divide training.batch_size {spec.training.batch_size}")


def require_equal_parts(spec: Spec, count: int) -> None:
    """Raise CnnwizError where batch norm over `count` ranks would meet more often on one of them than on another."""
    batch, micro = spec.training.batch_size, spec.training.micro_batch
    least, most = batch // count, -(-batch // count)
    if micro and -(-least // micro) != -(-most // micro):
        raise CnnwizError(
            f"training.micro_batch {micro} cuts {least} and {most} images, the shares of {count} ranks, into different "
            f"numbers of parts, and batch norm sees all ranks: take {most}, or a batch_size that {count} divides"
        )


def _is_about_ranks(error: RuntimeError) -> bool:
    text = str(error).lower()
    words = ("gloo", "nccl", "connection", "timed out", "timeout", "socket", "process group", "peer", "store")
    return isinstance(error, dist.DistError) or any(word in text for word in words)
