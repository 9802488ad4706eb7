"""K-FAC: natural-gradient steps for linear layers and convolutions, momentum SGD for every other parameter."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional as F
from torch.optim import SGD

from cnnwiz.nn.layers import PaddedConv2d

Layer = nn.Linear | nn.Conv2d


class Kfac(SGD):
    """SGD with momentum on gradients that are multiplied by (A x G + damping * I)^-1, layer by layer.

    A is the mean of a a^T over the layer's inputs a (a convolution's patches, summed over positions; 1 is appended for
    a bias), G that of g g^T over the gradients g of the log-likelihood at its outputs, for labels drawn from the
    network's own predictions: A x G approximates the Fisher matrix of the layer. Weight decay joins behind it.

    Args:
        groups: parameter groups as of torch's SGD.
        network: maps images to scores (B, K), or a tuple of scores, whose softmax is the likelihood; hooks in it see
            what A and G need.
        lr, momentum: of SGD.
        damping: added to the eigenvalues of the Fisher matrix.
        factor_decay: share of A and G that is kept at an update.
        clip: largest lr^2 * sum(step * gradient), by which all steps are scaled.
        factor_every, inverse_every: steps between updates of A and G, and of their eigenvectors.
        max_side: layers whose A or G would be larger than this are left to SGD.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        network: nn.Module,
        lr: float,
        momentum: float = 0.9,
        damping: float = 0.003,
        factor_decay: float = 0.95,
        clip: float = 0.001,
        factor_every: int = 1,
        inverse_every: int = 10,
        max_side: int = 4096,
    ) -> None:
        super().__init__(groups, lr=lr, momentum=momentum)
        self.damping, self.factor_decay, self.clip = damping, factor_decay, clip
        self.factor_every, self.inverse_every = factor_every, inverse_every
        self.param_groups[0]["step"] = 0
        self.layers = _covered_layers(network, max_side)
        self._seen: list[tuple[Layer, Tensor, GradientEdge]] = []  # of the forward pass that is under way
        self._sums: dict[Layer, tuple[Any, Any, int]] = {}  # of the batch that is under way
        for layer in self.layers:
            layer.register_forward_hook(self._see)
        network.register_forward_hook(self._observe)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Take in A and G of the batch, precondition the gradients, and let SGD make its step."""
        self._update_factors()
        steps = self.param_groups[0]["step"]
        if steps % self.inverse_every == 0:
            for layer in self.layers:
                self._decompose(self.state[layer.weight])
        pairs = [(layer, matrix := _matrix(layer), self._preconditioned(layer, matrix)) for layer in self.layers]
        lr = self.param_groups[0]["lr"]
        size = lr**2 * sum((gradient * change).sum().item() for _, gradient, change in pairs)
        scale = min(1.0, math.sqrt(self.clip / size)) if size > 0 else 1.0
        for layer, _, change in pairs:
            _set_gradient(layer, change * scale)
        self.param_groups[0]["step"] = steps + 1
        super().step()

    def _see(self, layer: Layer, inputs: tuple[Tensor], output: Tensor) -> None:
        """Remember a layer's input and where its output is in the graph."""
        if torch.is_grad_enabled() and layer.training and self.param_groups[0]["step"] % self.factor_every == 0:
            self._seen.append((layer, inputs[0].detach(), get_gradient_edge(output)))

    def _observe(self, network: nn.Module, images: tuple[Tensor], output: Tensor | tuple[Tensor, ...]) -> None:
        """Add the batch's part of A and G: one more backward pass, for labels the network draws itself."""
        if not self._seen:
            return
        heads = [scores.float() for scores in (output if isinstance(output, tuple) else (output,))]
        if not all(scores.isfinite().all() for scores in heads):  # the loop stops at such a loss
            self._seen.clear()
            return
        drawn = [torch.multinomial(scores.detach().softmax(1), 1).squeeze(1) for scores in heads]
        losses = [F.cross_entropy(*pair, reduction="sum") for pair in zip(heads, drawn, strict=True)]
        edges = [edge for _, _, edge in self._seen]
        count = len(heads[0])
        gradients = torch.autograd.grad(losses, edges, retain_graph=True)
        with torch.no_grad(), torch.autocast(heads[0].device.type, enabled=False):
            for (layer, features, _), gradient in zip(self._seen, gradients, strict=True):
                a, g = _rows(layer, features.to(layer.weight)), _columns(gradient.to(layer.weight))
                a_sum, g_sum, before = self._sums.get(layer, (0.0, 0.0, 0))
                positions = len(g) // count
                self._sums[layer] = (a_sum + a.T @ a, g_sum + g.T @ g / positions, before + count)
        self._seen.clear()

    def _update_factors(self) -> None:
        for layer, (a, g, images) in self._sums.items():
            state = self.state[layer.weight]
            if "a" not in state:
                state["a"], state["g"] = a / images, g / images
            else:
                state["a"].lerp_(a / images, 1 - self.factor_decay)
                state["g"].lerp_(g / images, 1 - self.factor_decay)
        self._sums.clear()

    def _decompose(self, state: dict[str, Tensor]) -> None:
        for name in ("a", "g"):
            values, vectors = torch.linalg.eigh(state[name])
            state[f"{name}_values"], state[f"{name}_vectors"] = values.clamp(min=0), vectors

    def _preconditioned(self, layer: Layer, gradient: Tensor) -> Tensor:
        """(G x A + damping * I)^-1 times a gradient (out, in), in the eigenvectors of both."""
        state = self.state[layer.weight]
        a, g = state["a_vectors"], state["g_vectors"]
        eigenvalues = torch.outer(state["g_values"], state["a_values"]) + self.damping
        return g @ (g.T @ gradient @ a / eigenvalues) @ a.T


def _covered_layers(network: nn.Module, max_side: int) -> list[Layer]:
    found = []
    for module in network.modules():
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1):
            inputs = module.weight[0].numel() + (module.bias is not None)
            if max(inputs, len(module.weight)) <= max_side:
                found.append(module)
    return found


def _rows(layer: Layer, features: Tensor) -> Tensor:
    """Inputs of a layer as rows (B * positions, in): patches of a map, a 1 behind each where there is a bias."""
    if isinstance(layer, nn.Conv2d):
        if isinstance(layer, PaddedConv2d):
            features = F.pad(features, layer.sides)
        assert not isinstance(layer.padding, str)
        patches = F.unfold(features, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
        features = patches.transpose(1, 2).flatten(0, 1)
    return F.pad(features, (0, 1), value=1.0) if layer.bias is not None else features


def _columns(gradient: Tensor) -> Tensor:
    """Gradients at a layer's output as rows (B * positions, out)."""
    return gradient.flatten(2).transpose(1, 2).flatten(0, 1) if gradient.dim() == 4 else gradient


def _matrix(layer: Layer) -> Tensor:
    """The gradient of weight and bias as one matrix (out, in)."""
    return torch.cat([gradient.flatten(1) for gradient in _gradients(layer)], 1)


def _set_gradient(layer: Layer, matrix: Tensor) -> None:
    parts = _gradients(layer)
    for gradient, values in zip(parts, matrix.split([part[0].numel() for part in parts], 1), strict=True):
        gradient.copy_(values.reshape(gradient.shape))


def _gradients(layer: Layer) -> list[Tensor]:
    """Of the weight (out, in, ...) and, where there is one, of the bias (out, 1)."""
    assert layer.weight.grad is not None
    bias = [] if layer.bias is None or layer.bias.grad is None else [layer.bias.grad[:, None]]
    return [layer.weight.grad, *bias]
