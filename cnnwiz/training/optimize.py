"""Which parameters decay, and the learning rate at a step: pure functions beside the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from cnnwiz.catalog.regularization import NEVER_DECAYED, Regularization

if TYPE_CHECKING:
    from cnnwiz.graph import Graph
    from cnnwiz.spec import Spec


def parameter_groups(
    network: nn.Module, graph: Graph, regularization: Regularization, loss: nn.Module | None = None
) -> list[dict[str, Any]]:
    """Two groups for the optimizer: parameters that decay by `l2.factor`, and those whose role is spared. What the loss
    owns are weights and biases of a classifier."""
    l2 = regularization.l2
    roles = [
        (network.get_parameter(f"{node.name}.{name}"), parameter.role)
        for node in graph.nodes
        for name, parameter in node.parameters.items()
    ]
    if loss is not None:
        roles += [(owned, "bias" if owned.dim() == 1 else "classifier") for owned in loss.parameters()]
    decayed, spared = [], []
    for parameter, role in roles:
        skip = l2 is None or role in (*l2.skip, *NEVER_DECAYED)
        (spared if skip else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": l2.factor if l2 else 0.0}, {"params": spared, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def learning_rate(spec: Spec, step: int, steps_per_epoch: int) -> float:
    """The rate of a step (0-based), read off the schedule at the middle of the step: never 0 at either end."""
    epochs = spec.training.epochs
    return spec.optimizer.lr * spec.schedule.factor((step + 0.5) / steps_per_epoch, epochs)
