"""Phases applied: each as a spec of its own, and the size of the images in each of its epochs."""

from __future__ import annotations

from cnnwiz.spec.document import Spec
from cnnwiz.spec.phase import Phase

GROWTH_STEPS = 32
"""Images grow in steps of 1/32 of the final size, so that few sizes occur."""


def stages(spec: Spec) -> tuple[Spec, ...]:
    """The spec as each phase changes it, without phases; the spec itself where it has none."""
    return tuple(_changed(spec, phase) for phase in spec.phases) or (spec,)


def sides(phase: Phase, epochs: int, last: int) -> tuple[int, ...]:
    """The size of the training images in each epoch of a phase whose image size is `last`."""
    first = phase.grow_from or last
    step = max(last // GROWTH_STEPS, 1)
    grown = [first + (last - first) * epoch // (epochs - 1) // step * step for epoch in range(epochs - 1)]
    return (*grown, last)


def _changed(spec: Spec, phase: Phase) -> Spec:
    """The spec with what the phase says instead."""
    own = {name: value for name in ("epochs", "batch_size", "micro_batch") if (value := getattr(phase, name))}
    changes = {
        "training": spec.training.model_copy(update=own),
        "phases": (),
        "augment": spec.augment if phase.augment is None else phase.augment,
        "schedule": phase.schedule or spec.schedule,
    }
    if phase.lr:
        changes["optimizer"] = spec.optimizer.model_copy(update={"lr": phase.lr})
    if phase.image_size:
        changes["data"] = spec.data.model_copy(update={"image_size": phase.image_size})
    return spec.model_copy(update=changes)
