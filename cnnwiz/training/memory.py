"""How many parts a batch is computed in where memory is too small for it at once. The result is that of the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from cnnwiz.catalog.loss import CLASSIFY
from cnnwiz.data.pixels import available_memory
from cnnwiz.errors import CnnwizError
from cnnwiz.training.step import evaluate

if TYPE_CHECKING:
    from cnnwiz.training.assemble import Assembly
    from cnnwiz.training.distributed import Ranks
    from cnnwiz.training.phases import Stage

NEEDED = {"float32": 1.5, "bfloat16": 1.0, "float16": 1.0}
"""Bytes that a step takes at its highest on a CPU, as a multiple of the activations in float32; rather too much."""


def fitting(
    made: Assembly, ranks: Ranks, known: dict[str, int] | None
) -> tuple[tuple[Stage, ...], dict[str, int], list[str]]:
    """The phases with a micro-batch where their batch does not fit, in how many parts by phase, and what to tell.

    `known` holds the parts that a run was begun with: they go on, whatever memory there is now. A spec's own
    micro_batch is taken as it is. Raises CnnwizError (code 6) where parts would not compute what the batch does.
    """
    phases, parts, told = [], {}, []
    for phase in made.phases:
        training, key = phase.spec.training, str(phase.number)
        share = -(-training.batch_size // ranks.count)
        count = 1
        if not training.micro_batch:
            count = ranks.agree(_parts(made, phase, share)) if known is None else known.get(key, 1)
        if count > 1 and known is None:
            size = -(-share // count)
            if obstacle := _obstacle(made):
                needed = f"a batch of {share} images does not fit into memory"
                advice = f"write training.micro_batch: {size} to have it so, or a smaller batch_size"
                if made.place.type != "cpu":
                    raise CnnwizError(f"{needed}, and in parts {obstacle}: {advice}", code=6)
                told.append(f"{needed} by our estimate, and in parts {obstacle}: if the process dies, {advice}")
                count = 1
            else:
                told.append(f"a batch of {share} images is computed {size} at a time: memory holds no more at once")
        if count > 1:
            parts[key] = count
            changed = training.model_copy(update={"micro_batch": -(-share // count)})
            phase = replace(phase, spec=phase.spec.model_copy(update={"training": changed}))
        phases.append(phase)
    return tuple(phases), parts, told


def _obstacle(made: Assembly) -> str | None:
    """Why micro-batches would change what is computed; None where they do not."""
    if any(node.kind == "batch" for node in made.graph.nodes):
        return "batch norm would see fewer images"
    if made.spec.loss.key == "triplet" or made.spec.optimizer.create_graph:
        return f"{made.spec.loss.key if made.spec.loss.key == 'triplet' else made.spec.optimizer.key} needs it whole"
    return None


def _parts(made: Assembly, phase: Stage, share: int) -> int:
    """In how many parts this rank's share of a batch fits: a power of two."""
    count = 1
    if made.place.type.startswith("cuda") and made.spec.task == CLASSIFY:
        while not _goes_through(made, phase, -(-share // count)):
            torch.cuda.empty_cache()
            if count >= share:
                raise CnnwizError("not even one image fits into the GPU's memory: lower data.image_size", code=6)
            count *= 2
        torch.cuda.empty_cache()
    if made.place.type == "cpu":
        scale = (max(phase.sides) / made.graph.input[1]) ** 2
        each = NEEDED[made.place.precision] * made.graph.activation_bytes * scale
        room = available_memory()
        while each * -(-share // count) > room and count < share:
            count *= 2
    return count


def _goes_through(made: Assembly, phase: Stage, size: int) -> bool:
    """Whether a step on so many images fits into the GPU's memory; everything else is left as it was."""
    buffers = [(buffer, buffer.clone()) for buffer in made.learned.buffers()]
    side, device = max(phase.sides), made.place.type
    try:
        # What the optimizer will keep: two values for each weight at most.
        room = [torch.empty_like(weight) for weight in made.trained for _ in range(2)]
        images = torch.zeros(size, made.graph.input[0], side, side, device=device)
        images = images.to(memory_format=torch.channels_last)
        labels = torch.arange(size, device=device) % made.graph.classes
        evaluate(made.learned, made.objective, images, labels, phase.spec, made.place, made.scaler)
        del room
    except torch.OutOfMemoryError:
        return False
    finally:
        made.learned.zero_grad(set_to_none=True)
        for buffer, before in buffers:
            buffer.copy_(before)
    return True
