"""The L1 and Lp penalties as part of the loss; L2 is the optimizer's weight decay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnwiz.catalog.regularization import NEVER_DECAYED, Regularization, Role

if TYPE_CHECKING:
    from cnnwiz.graph import Graph


def penalized(loss: nn.Module, network: nn.Module, graph: Graph, regularization: Regularization) -> nn.Module:
    """The loss plus the L1 and Lp penalties that `regularization` asks for; the loss itself if it asks for none."""
    terms = []
    if l1 := regularization.l1:
        terms.append((_weights(network, graph, l1.skip), l1.factor, 1.0, 0.0))
    if lp := regularization.lp:
        terms.append((_weights(network, graph, lp.skip), lp.factor, lp.p, lp.eps))
    return Penalized(loss, terms) if terms else loss


class Penalized(nn.Module):
    """loss + sum of factor * sum_i (|w_i| + eps)^p over `terms`, which are (weights, factor, p, eps)."""

    def __init__(self, loss: nn.Module, terms: list[tuple[list[nn.Parameter], float, float, float]]) -> None:
        super().__init__()
        self.loss, self.terms = loss, terms

    def forward(self, *arguments: Any) -> Tensor:
        return self.loss(*arguments) + self.penalty()

    def penalty(self) -> Tensor:
        """The penalties alone, in float32."""
        sums = [
            factor * (weight.abs() if p == 1 else (weight.abs() + eps).pow(p)).sum()
            for weights, factor, p, eps in self.terms
            for weight in weights
        ]
        return torch.stack(sums).sum() if sums else torch.zeros(())


def _weights(network: nn.Module, graph: Graph, skip: tuple[Role, ...]) -> list[nn.Parameter]:
    """The parameters a penalty acts on."""
    return [
        network.get_parameter(f"{node.name}.{name}")
        for node in graph.nodes
        for name, parameter in node.parameters.items()
        if parameter.role not in (*skip, *NEVER_DECAYED)
    ]
