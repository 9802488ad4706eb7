"""Everything a run is made of before its first step: data, phases, network, loss, optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from cnnwiz.catalog.loss import EMBED
from cnnwiz.data.prepare import Prepared
from cnnwiz.data.sampling import Sample
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import Graph, graph_of
from cnnwiz.nn.losses import Loss
from cnnwiz.nn.network import Network, build_graph
from cnnwiz.spec import Spec
from cnnwiz.training.auxiliary import judged_beside
from cnnwiz.training.average import Average, SlowWeights
from cnnwiz.training.device import Device
from cnnwiz.training.distributed import ALONE, Ranks, require_divisible, require_equal_parts
from cnnwiz.training.optimize import parameter_groups, require_possible
from cnnwiz.training.penalty import penalized
from cnnwiz.training.phases import Stage, plan
from cnnwiz.training.shared_norm import share_statistics


@dataclass(frozen=True, eq=False)
class Assembly:
    """The parts of a run. `learned` holds all that is trained, as `model` and `loss`, and `slow` weights."""

    spec: Spec
    place: Device
    data: Prepared
    sample: Sample
    phases: tuple[Stage, ...]
    graph: Graph
    network: Network
    loss: Loss
    learned: nn.ModuleDict
    objective: nn.Module
    average: Average | None
    slow: SlowWeights | None
    optimizer: Optimizer
    scaler: torch.amp.GradScaler
    trained: tuple[nn.Parameter, ...]
    """Parameters of the network that learn where no phase lets them rest."""

    @property
    def judged(self) -> nn.Module:
        """What is evaluated and kept: the average of the weights where there is one."""
        return self.average.network if self.average else self.network


def assemble(spec: Spec, place: Device, data: Prepared, ranks: Ranks = ALONE) -> Assembly:
    """The parts as they are before the first step. Raises CnnwizError for what cannot be trained."""
    spec = resolved(spec, data.preprocessing, len(data.classes))
    sample = spec.training.sampler.build()

    def steps_of(part: Spec) -> int:
        return len(sample(data.train.labels, part.training.batch_size, part.training.seed, 0))

    require_possible(spec, len(data.train))
    phases = plan(spec, steps_of)
    for phase in phases:
        require_possible(phase.spec, len(data.train))
        require_divisible(phase.spec, ranks.count)
    graph = graph_of(spec)
    network = build_graph(graph, spec.training.seed).to(place.type)
    network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if ranks.count > 1 and spec.training.sync_batch_norm:
        if any(node.kind == "batch" for node in graph.nodes):
            for phase in phases:
                require_equal_parts(phase.spec, ranks.count)
        share_statistics(network, ranks)
    loss = _loss(spec, graph).to(place.type)
    average = Average(network, spec.training.ema) if spec.training.ema else None
    groups = parameter_groups(network, graph, spec, loss)
    learned = nn.ModuleDict({"model": network, "loss": loss})
    slow, total = None, phases[-1].step(phases[-1].end, 0)
    if spec.training.lookahead:
        slow = learned["slow"] = SlowWeights(network, spec.training.lookahead, total)
    return Assembly(
        spec,
        place,
        data,
        sample,
        phases,
        graph,
        network,
        loss,
        learned,
        judged_beside(penalized(loss, network, graph, spec.regularization), loss, graph),
        average,
        slow,
        spec.optimizer.build(groups, network, fused=place.type != "mps"),  # behind the average: it may add hooks
        torch.amp.GradScaler(place.type.split(":")[0], enabled=place.precision == "float16"),
        tuple(parameter for parameter in network.parameters() if parameter.requires_grad),
    )


def resolved(spec: Spec, preprocessing: dict[str, Any], classes: int) -> Spec:
    """The spec with what the data decided written out, so that it means the same elsewhere."""
    side = spec.data.image_size or spec.data.source.facts().image_size or preprocessing["image_size"]
    decided = {name: preprocessing[name] for name in ("canvas", "channels")}
    data = spec.data.model_copy(update={"classes": classes, "image_size": side, **decided})
    if spec.data.classes not in (None, classes):
        raise CnnwizError(f"data.classes is {spec.data.classes}, but the data has {classes} classes")
    return spec.model_copy(update={"data": data})


def _loss(spec: Spec, graph: Graph) -> Loss:
    """The loss; weights of its own are drawn from the seed, on the CPU, whatever the device."""
    torch.manual_seed(spec.training.seed)
    return spec.loss.build(graph.classes, graph.output[0] if spec.task == EMBED else None)
