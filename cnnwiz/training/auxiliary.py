"""The loss of auxiliary heads, which training adds to that of the network's own scores."""

from __future__ import annotations

from torch import Tensor, nn

from cnnwiz.graph import Graph


def judged_beside(objective: nn.Module, loss: nn.Module, graph: Graph) -> nn.Module:
    """objective(scores, labels, *auxiliary scores); the objective itself where the graph has no auxiliary heads."""
    return JudgedBeside(objective, loss, [weight for _, weight in graph.auxiliary]) if graph.auxiliary else objective


class JudgedBeside(nn.Module):
    """objective(scores, labels) + sum of weight * loss(auxiliary scores, labels)."""

    def __init__(self, objective: nn.Module, loss: nn.Module, weights: list[float]) -> None:
        super().__init__()
        self.objective, self.loss, self.weights = objective, loss, weights

    def forward(self, scores: Tensor, labels: Tensor, *auxiliary: Tensor) -> Tensor:
        total = self.objective(scores, labels)
        for weight, others in zip(self.weights, auxiliary, strict=True):
            total = total + weight * self.loss(others, labels)
        return total
