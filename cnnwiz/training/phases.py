"""The phases of a run: which epochs and steps each has, its images' size, its rate, and what of the network rests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from cnnwiz.graph import Graph, input_shape
from cnnwiz.spec import Spec
from cnnwiz.spec.phase import Phase as PhaseSpec
from cnnwiz.spec.stages import sides, stages
from cnnwiz.training.device import Device
from cnnwiz.training.events import Phase
from cnnwiz.training.optimize import learning_rate

MEASURED = 4096
"""Images over which the statistics of batch norm are measured anew: their error falls below 2 % of a deviation."""


@dataclass(frozen=True)
class Stage:
    """A phase in its place among the others. Epochs and steps count from 0 over the whole run."""

    number: int
    spec: Spec
    """What holds in this phase; its `training.epochs` are those of the phase."""
    first_epoch: int
    first_step: int
    steps: int
    """Steps in an epoch."""
    sides: tuple[int, ...]
    """Size of the training images in each epoch, in pixels."""
    freeze: int
    renews: bool
    """Whether the statistics of batch norm are measured anew before its first step."""

    @property
    def end(self) -> int:
        """The first epoch behind this phase."""
        return self.first_epoch + len(self.sides)

    def side(self, epoch: int) -> int:
        """The size of the training images in an epoch."""
        return self.sides[epoch - self.first_epoch]

    def step(self, epoch: int, batch: int) -> int:
        """The number of a batch's step."""
        return self.first_step + (epoch - self.first_epoch) * self.steps + batch

    def rate(self, step: int) -> float:
        """The learning rate of a step: the phase runs through its schedule from the beginning to the end."""
        return learning_rate(self.spec, step - self.first_step, self.steps)


def plan(spec: Spec, steps_of: Callable[[Spec], int]) -> tuple[Stage, ...]:
    """The phases of a spec in their order; one over everything where it names none. `steps_of` counts those of an
    epoch."""
    made: list[Stage] = []
    phases = spec.phases or (PhaseSpec(),)
    for number, (phase, changed) in enumerate(zip(phases, stages(spec), strict=True)):
        before = made[-1] if made else None
        sizes = sides(phase, changed.training.epochs, input_shape(changed)[1])
        made.append(
            Stage(
                number,
                changed,
                before.end if before else 0,
                before.step(before.end, 0) if before else 0,
                steps_of(changed),
                sizes,
                phase.freeze,
                phase.statistics == "renew" and before is not None and before.sides[-1] != sizes[0],
            )
        )
    return tuple(made)


def stage_at(stages: Iterable[Stage], epoch: int) -> Stage:
    """The phase that an epoch belongs to."""
    return next(stage for stage in stages if epoch < stage.end)


def entered(stage: Stage, stages: tuple[Stage, ...]) -> Iterator[Phase]:
    """The event of a phase that begins, where there are several."""
    if len(stages) > 1:
        first, last = stage.sides[0], stage.sides[-1]
        lr = stage.spec.optimizer.lr
        yield Phase(stage.number + 1, len(stages), len(stage.sides), stage.steps, first, last, lr, stage.freeze)


def set_resting(network: nn.Module, graph: Graph, lines: int, trained: Collection[nn.Parameter]) -> None:
    """Let the input transforms and the first `lines` of model.layers rest: no gradients, batch norm and dropout as in
    evaluation. Of everything else, `trained` learns."""
    for parameter in trained:
        parameter.requires_grad_(True)
    for node in graph.nodes if lines else ():
        if node.path[1] == "input" or (node.path[1] == "layers" and int(node.path[2]) < lines):
            network.get_submodule(node.name).requires_grad_(False).eval()


def renew_statistics(network: nn.Module, batches: Iterator[Any], place: Device, batch_size: int, seed: int) -> None:
    """Measure mean and variance of every batch norm anew on the images of `batches`, weighing all batches alike."""
    torch.manual_seed(seed)  # of dropout in front of a norm
    with place.autocast():
        update_bn((batch.images for batch in islice(batches, max(MEASURED // batch_size, 1))), network)
