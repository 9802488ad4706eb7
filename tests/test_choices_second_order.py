"""K-FAC, Shampoo, SOAP, AdaHessian and Muon against dense matrices and naive arithmetic; what they cannot do."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnwiz.catalog.second_order import AdaHessian, Kfac, Muon, Shampoo, Soap
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.nn.layers import PaddedConv2d
from cnnwiz.nn.network import build
from cnnwiz.spec import parse_text
from cnnwiz.training.loop import fit
from cnnwiz.training.optimize import parameter_groups
from cnnwiz.training.run import Run

UNCLIPPED = 1e6


def kfac(network: nn.Module, images: torch.Tensor, **settings):
    """(optimizer after one step, gradients before it, labels it drew) on random labels."""
    choice = Kfac(**{"clip": UNCLIPPED, "momentum": 0.0, **settings})
    groups = [{"params": list(network.parameters()), "weight_decay": 0.0}]
    optimizer = choice.build(groups, network, fused=False)
    torch.manual_seed(1)
    scores = network(images)
    torch.manual_seed(1)
    drawn = torch.multinomial(scores.detach().softmax(1), 1).squeeze(1)
    F.cross_entropy(scores, drawn.flip(0)).backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    optimizer.step()
    return optimizer, gradients, drawn


def test_kfac_is_the_natural_gradient_of_one_linear_layer() -> None:
    """For one image, seen many times, the Fisher matrix of a layer is a Kronecker product: nothing is approximated."""
    torch.manual_seed(0)
    network = nn.Linear(3, 4).double()
    before = torch.cat([network.weight, network.bias[:, None]], 1).detach().clone()
    images = torch.randn(1, 3, dtype=torch.float64).repeat(50, 1)
    probabilities = network(images).softmax(1).detach()
    _, (of_weight, of_bias), drawn = kfac(network, images, lr=0.1, damping=0.01)

    gradient = torch.cat([of_weight, of_bias[:, None]], 1)
    at_output = probabilities - F.one_hot(drawn, 4)
    inputs = F.pad(images, (0, 1), value=1.0)
    each = torch.einsum("bo,bi->boi", at_output, inputs).flatten(1)
    fisher = each.T @ each / 50
    step = torch.linalg.solve(fisher + 0.01 * torch.eye(16, dtype=torch.float64), gradient.flatten())
    after = torch.cat([network.weight, network.bias[:, None]], 1).detach()

    torch.testing.assert_close(after, before - 0.1 * step.view(4, 4), rtol=1e-5, atol=1e-6)


def test_kfac_draws_labels_from_the_network_so_that_g_is_the_fisher_matrix_of_the_scores() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 4)
    images = torch.randn(1, 3).repeat(40_000, 1)
    p = network(images[:1]).softmax(1)[0].detach()
    optimizer, _, _ = kfac(network, images)

    state = optimizer.state[network.weight]
    a = F.pad(images[0], (0, 1), value=1.0)
    torch.testing.assert_close(state["a"], torch.outer(a, a), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(state["g"], torch.diag(p) - torch.outer(p, p), atol=0.01, rtol=0)


CONVOLUTIONS = {
    "plain": lambda: nn.Conv2d(2, 3, 3, padding=1),
    "strided": lambda: nn.Conv2d(2, 3, (3, 2), stride=2, bias=False),
    "dilated": lambda: nn.Conv2d(2, 3, 2, dilation=(1, 2), padding=(0, 1)),
    "uneven": lambda: PaddedConv2d(nn.Conv2d(2, 3, 2), (1, 0, 0, 1)),
}


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_factors_of_a_convolution_are_sums_over_patches(convolution: str) -> None:
    torch.manual_seed(0)
    layer = CONVOLUTIONS[convolution]()
    network = nn.Sequential(layer, nn.ReLU(inplace=True), nn.Flatten())
    images = torch.randn(3, 2, 5, 5).to(memory_format=torch.channels_last)
    maps = layer(images).detach()
    optimizer, _, drawn = kfac(network, images)

    g = torch.zeros(3, 3)
    scores = maps.relu().flatten(1)
    at_output = ((scores.softmax(1) - F.one_hot(drawn, scores.shape[1])) * (scores > 0)).view(maps.shape)
    for image, y, x in product(range(3), range(maps.shape[2]), range(maps.shape[3])):
        g += torch.outer(at_output[image, :, y, x], at_output[image, :, y, x])
    torch.testing.assert_close(optimizer.state[layer.weight]["g"], g / (3 * maps.shape[2] * maps.shape[3]))

    a = naive_a(layer, images, maps.shape[2:])
    torch.testing.assert_close(optimizer.state[layer.weight]["a"], a)


def naive_a(layer: nn.Conv2d, images: torch.Tensor, positions: torch.Size) -> torch.Tensor:
    """Sum over positions of patch times patch, pixel by pixel."""
    sides = layer.sides if isinstance(layer, PaddedConv2d) else [side for n in layer.padding[::-1] for side in (n, n)]
    padded = F.pad(images, tuple(sides))
    total = torch.zeros(())
    for image, y, x in product(padded, range(positions[0]), range(positions[1])):
        patch = [
            image[c, y * layer.stride[0] + i * layer.dilation[0], x * layer.stride[1] + j * layer.dilation[1]]
            for c, i, j in product(*(range(n) for n in layer.weight.shape[1:]))
        ]
        vector = torch.stack(patch + [torch.ones(())] * (layer.bias is not None))
        total = total + torch.outer(vector, vector)
    return total / len(images)


def test_a_convolution_of_single_pixels_is_a_linear_layer() -> None:
    torch.manual_seed(0)
    linear, images = nn.Linear(5, 4), torch.randn(20, 5)
    convolution = nn.Sequential(nn.Conv2d(5, 4, 1), nn.Flatten())
    with torch.no_grad():
        convolution[0].weight.copy_(linear.weight.view(4, 5, 1, 1))
        convolution[0].bias.copy_(linear.bias)
    kfac(linear, images)
    kfac(convolution, images.view(20, 5, 1, 1))

    torch.testing.assert_close(convolution[0].weight.view(4, 5), linear.weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(convolution[0].bias, linear.bias, rtol=1e-4, atol=1e-6)


def test_much_damping_leaves_the_direction_of_the_gradient() -> None:
    torch.manual_seed(0)
    network = nn.Linear(5, 4)
    before = network.weight.detach().clone()
    _, (gradient, _), _ = kfac(network, torch.randn(20, 5), damping=1e4)

    assert F.cosine_similarity((before - network.weight).flatten(), gradient.flatten(), 0) > 0.999


def test_clip_bounds_the_step_in_the_fisher_metric() -> None:
    torch.manual_seed(0)
    network = nn.Linear(5, 4, bias=False)
    before = network.weight.detach().clone()
    optimizer, _, _ = kfac(network, torch.randn(20, 5), clip=1e-4, lr=0.5, damping=0.01)
    step, state = before - network.weight.detach(), optimizer.state[network.weight]
    curved = state["g"] @ step @ state["a"] + 0.01 * step

    assert (step * curved).sum().item() == pytest.approx(1e-4, rel=1e-3)


def test_micro_batches_add_up_to_the_factors_of_the_batch() -> None:
    torch.manual_seed(0)
    network, images = nn.Linear(5, 4), torch.randn(24, 5)
    optimizer = Kfac().build([{"params": list(network.parameters()), "weight_decay": 0.0}], network, fused=False)
    for part in images.split(8):
        network(part).sum().backward()
    optimizer.step()

    rows = F.pad(images, (0, 1), value=1.0)
    torch.testing.assert_close(optimizer.state[network.weight]["a"], rows.T @ rows / 24)


def network_of(layers: str):
    document = parse_text(f"cnnwiz: 1\ndata: {{classes: 10}}\nmodel: {{layers: [{layers}]}}\noptimizer: muon\n")
    assert document.spec, document.findings
    return document.spec, build(document.spec)


def test_kfac_leaves_grouped_and_wide_layers_to_sgd() -> None:
    _, network = network_of("conv: {channels: 8}, conv: {channels: 8, groups: 8}, conv: {channels: 32, kernel: 1}")
    groups = [{"params": list(network.parameters()), "weight_decay": 0.0}]
    covered = Kfac(max_side=16).build(groups, network, fused=False).layers

    assert [tuple(layer.weight.shape) for layer in covered] == [(8, 1, 3, 3)]


def matrix_power(matrix: np.ndarray, power: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**power) @ vectors.T


@pytest.mark.parametrize("shape", [(6,), (4, 3), (5, 3, 2, 2)])
def test_shampoo_follows_its_formula(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    w = torch.zeros(shape, requires_grad=True)
    optimizer = Shampoo(lr=0.5, eps=0.01).build([{"params": [w], "weight_decay": 0.0}], nn.Module(), fused=False)
    statistics = [0.01 * np.eye(side) for side in shape]
    expected = np.zeros(shape)
    for _ in range(3):
        gradient = random.normal(size=shape)
        step = gradient
        for axis, side in enumerate(shape):
            unfolded = np.moveaxis(gradient, axis, 0).reshape(side, -1)
            statistics[axis] += unfolded @ unfolded.T
            root = matrix_power(statistics[axis], -1 / (2 * len(shape)))
            step = np.moveaxis(np.tensordot(root, step, (1, axis)), 0, axis)
        expected -= 0.5 * step
        w.grad = torch.tensor(gradient, dtype=torch.float32)
        if len(shape) == 4:
            w.grad = w.grad.to(memory_format=torch.channels_last)
        optimizer.step()

    np.testing.assert_allclose(w.detach().numpy(), expected, atol=2e-4)


def test_soap_is_adam_in_the_eigenvectors_of_the_first_gradient() -> None:
    """The first step moves nothing; the second is one of Adam in the eigenvectors that the first one left."""
    random = np.random.default_rng(0)
    w = torch.zeros(4, 4, requires_grad=True)
    optimizer = Soap(lr=0.1).build([{"params": [w], "weight_decay": 0.0}], nn.Module(), fused=False)
    first, second = random.normal(size=(2, 4, 4))
    w.grad = torch.tensor(first, dtype=torch.float32)
    optimizer.step()
    assert not w.any()
    w.grad = torch.tensor(second, dtype=torch.float32)
    optimizer.step()

    left, right = np.linalg.eigh(first @ first.T)[1], np.linalg.eigh(first.T @ first)[1]
    expected = -0.1 * left @ np.sign(left.T @ second @ right) @ right.T
    np.testing.assert_allclose(w.detach().numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(("shape", "max_side"), [((7,), 10_000), ((4, 3, 2, 2), 1)])
def test_soap_without_eigenvectors_is_adam_from_the_second_step_on(shape: tuple[int, ...], max_side: int) -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(shape), torch.randn(5, *shape)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    soap = Soap(lr=0.01, max_side=max_side).build([{"params": [ours], "weight_decay": 0.0}], nn.Module(), fused=False)
    adam = torch.optim.Adam([theirs], lr=0.01, betas=(0.95, 0.95))
    for number, gradient in enumerate(gradients):
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        soap.step()
        if number > 0:
            adam.step()

    torch.testing.assert_close(ours, theirs)


def test_adahessian_lands_on_the_minimum_of_a_diagonal_quadratic() -> None:
    curvature, target = torch.tensor([0.2, 1.0, 30.0]), torch.tensor([1.0, -2.0, 0.5])
    w = torch.zeros(3, requires_grad=True)
    groups = [{"params": [w], "weight_decay": 0.0}]
    optimizer = AdaHessian(lr=1.0, eps=1e-12).build(groups, nn.Module(), fused=False)
    loss = (curvature * (w - target) ** 2).sum() / 2
    (w.grad,) = torch.autograd.grad(loss, w, create_graph=True)
    optimizer.step()

    torch.testing.assert_close(w, target)
    torch.testing.assert_close(optimizer.state[w]["hessian"], curvature)


def test_adahessian_estimates_the_diagonal_of_a_full_hessian() -> None:
    torch.manual_seed(0)
    root = torch.randn(4, 4)
    hessian, w = root @ root.T, torch.ones(4, requires_grad=True)
    optimizer = AdaHessian(lr=1e-9).build([{"params": [w], "weight_decay": 0.0}], nn.Module(), fused=False)
    estimates = []
    for _ in range(2000):
        (w.grad,) = torch.autograd.grad(w @ hessian @ w / 2, w, create_graph=True)
        optimizer.step()
        estimates.append(optimizer.state[w]["hessian"].clone())

    torch.testing.assert_close(torch.stack(estimates).mean(0), hessian.diag(), atol=0.3, rtol=0)


def test_adahessian_averages_over_the_positions_of_a_kernel() -> None:
    """With lr 1 each position moves by its gradient over the mean curvature of its kernel."""
    torch.manual_seed(0)
    curvature, target = torch.rand(2, 3, 2, 2) + 0.1, torch.randn(2, 3, 2, 2)
    w = torch.zeros(2, 3, 2, 2, requires_grad=True)
    groups = [{"params": [w], "weight_decay": 0.0}]
    optimizer = AdaHessian(lr=1.0, eps=1e-12).build(groups, nn.Module(), fused=False)
    (w.grad,) = torch.autograd.grad((curvature * (w - target) ** 2).sum() / 2, w, create_graph=True)
    optimizer.step()

    torch.testing.assert_close(w, curvature * target / curvature.mean((2, 3), keepdim=True))


@pytest.mark.parametrize("shape", [(6, 12), (12, 6), (8, 3, 3, 3)])
def test_muon_steps_along_the_nearest_orthogonal_matrix(shape: tuple[int, ...]) -> None:
    """Five Newton-Schulz steps in bfloat16 leave singular values between 0.5 and 1.5 instead of 1."""
    torch.manual_seed(0)
    w, gradient = torch.zeros(shape, requires_grad=True), torch.randn(shape)
    w.grad = gradient.clone()
    groups = [{"params": [w], "weight_decay": 0.0, "matrices": True}]
    Muon(lr=1.0).build(groups, nn.Module(), fused=False).step()

    step = -w.detach().flatten(1) / math.sqrt(max(1.0, shape[0] / math.prod(shape[1:])))
    left, values, right = np.linalg.svd(gradient.flatten(1).numpy(), full_matrices=False)
    polynomial = values / np.linalg.norm(values)
    for _ in range(5):
        polynomial = 3.4445 * polynomial - 4.7750 * polynomial**3 + 2.0315 * polynomial**5
    assert np.linalg.svd(step.numpy())[1].min() > 0.5
    assert np.linalg.svd(step.numpy())[1].max() < 1.5
    np.testing.assert_allclose(step.numpy(), left @ np.diag(polynomial) @ right, atol=0.05)


def test_muon_takes_hidden_matrices_and_adamw_the_rest() -> None:
    spec, network = network_of(
        "conv: {channels: 8}, conv: {channels: 8}, conv: {channels: 8, groups: 8}, conv: {channels: 8, groups: 2}"
    )
    groups = parameter_groups(network, graph_of(spec), spec)
    optimizer = spec.optimizer.build(groups, network, fused=False)
    taken = {id(p) for group in optimizer.param_groups if group["use_muon"] for p in group["params"]}
    names = [name for name, parameter in network.named_parameters() if id(parameter) in taken]

    assert names == ["layers.1.conv.weight"]
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(network.parameters()))
    assert {group["lr_factor"] for group in optimizer.param_groups} == {1.0, 0.05}


REFUSED = {
    "lbfgs needs the same images": "optimizer: lbfgs\ntraining: {batch_size: 32}",
    "no weight decay": "optimizer: lbfgs\nregularization: {l2: {}}\ntraining: {batch_size: 2000}",
    "cannot be clipped": "optimizer: adahessian\ntraining: {gradient_clip: 1.0}",
    "remove micro_batch": "optimizer: adahessian\ntraining: {micro_batch: 32}",
    "write float32": "optimizer: adahessian\ntraining: {precision: bfloat16}",
    "likelihood": "optimizer: kfac\nloss: hinge",
    "weight norm": "optimizer: muon",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_computed_is_refused_before_the_first_step(tmp_path: Path, reason: str) -> None:
    norm = "weight" if reason == "weight norm" else "none"
    text = f"cnnwiz: 1\nmodel: {{defaults: {{norm: {norm}}}, layers: [conv: {{channels: 4}}]}}\n{REFUSED[reason]}\n"
    document = parse_text(text)
    assert document.spec, document.findings
    with Run.create(tmp_path / "run", document.spec) as run, pytest.raises(CnnwizError, match=reason):
        list(fit(run, device="cpu"))

    assert not (tmp_path / "run" / "run.json").exists()


def test_auto_is_float32_where_curvature_is_measured(tmp_path: Path) -> None:
    text = "cnnwiz: 1\nmodel: {layers: [conv: {channels: 4}]}\noptimizer: adahessian\ntraining: {epochs: 1}\n"
    document = parse_text(text)
    assert document.spec
    with Run.create(tmp_path / "run", document.spec) as run:
        started = next(event for event in fit(run, device="cpu") if type(event).__name__ == "Started")

    assert started.precision == "float32 (the optimizer needs it)"
