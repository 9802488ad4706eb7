"""Optimizers and schedules against torch, closed forms and naive arithmetic; each survives a resume bit by bit."""

from __future__ import annotations

import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, lr_scheduler

from cnnwiz.catalog.optimizer import OPTIMIZERS, Adam, AdamW, Momentum, Nesterov, RmsProp, Sgd
from cnnwiz.catalog.schedule import (
    SCHEDULES,
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    OneCycle,
    PolynomialDecay,
    Schedule,
    StepDecay,
)
from cnnwiz.catalog.second_order import SECOND_ORDER, AdaHessian, Kfac, Lbfgs, Muon, Shampoo, Soap
from cnnwiz.spec import parse_text
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run

STEPS = 40


def rates(make) -> list[float]:
    """The learning rates that a scheduler of torch gives for lr 1, before each of STEPS steps and after the last."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(STEPS):
        optimizer.step()
        scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (LinearDecay(), lambda o: lr_scheduler.PolynomialLR(o, STEPS, power=1.0)),
        (LinearDecay(final=0.2), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, STEPS)),
        (PolynomialDecay(), lambda o: lr_scheduler.PolynomialLR(o, STEPS, power=2.0)),
        (PolynomialDecay(power=0.9), lambda o: lr_scheduler.PolynomialLR(o, STEPS, power=0.9)),
        (StepDecay(gamma=0.2), lambda o: lr_scheduler.MultiStepLR(o, [STEPS // 2, STEPS * 3 // 4], gamma=0.2)),
        (ExponentialDecay(final=0.05), lambda o: lr_scheduler.ExponentialLR(o, 0.05 ** (1 / STEPS))),
        (CosineDecay(final=0.1), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.1)),
        (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        # torch counts from step 0 to total_steps - 1, and its two phases meet at pct_start * total_steps - 1.
        (
            OneCycle(rise=0.3, start=0.04, final=0.04 / 1e4),
            lambda o: lr_scheduler.OneCycleLR(o, 1.0, STEPS + 1, pct_start=(0.3 * STEPS + 1) / (STEPS + 1)),
        ),
    ],
    ids=lambda value: value.key if isinstance(value, Schedule) else "",
)
def test_schedules_agree_with_torch(schedule: Schedule, make) -> None:
    expected = rates(make)

    assert [schedule.factor(step, STEPS) for step in range(STEPS + 1)] == pytest.approx(expected, abs=1e-9)


@given(
    schedule=st.sampled_from(SCHEDULES),
    warmup=st.floats(0, 20),
    epochs=st.integers(1, 50),
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=5),
)
def test_every_schedule_warms_up_linearly_and_stays_within_its_lr(schedule, warmup, epochs, shares) -> None:
    made = schedule(warmup_epochs=warmup)
    for epoch in (share * epochs for share in shares):
        factor = made.factor(epoch, epochs)
        assert 0 <= factor <= 1
        if epoch < min(warmup, epochs):
            assert factor == pytest.approx(epoch / min(warmup, epochs))


@given(
    schedule=st.sampled_from([c for c in SCHEDULES if c is not OneCycle]), early=st.floats(0, 1), late=st.floats(0, 1)
)
def test_lr_never_rises_again(schedule, early, late) -> None:
    early, late = sorted((early, late))

    assert schedule().decay(early) >= schedule().decay(late) - 1e-12


RESUMED = """
cnnwiz: 1
name: small
data: {{validation: {{fraction: 0.6}}}}
model:
  defaults: {{norm: {norm}}}
  layers:
    - conv: {{channels: 6}}
    - pool: {{kernel: 2, stride: 2}}
    - basic: {{channels: 8}}
regularization: {{l2: {{factor: {l2}}}}}
optimizer: {{{optimizer}}}
schedule: {schedule}
training: {{batch_size: {batch}, epochs: {epochs}{more}}}
"""
STATES = {  # every kind of state an optimizer has, with updates that lag behind
    "sgd: {lr: 0.05}": "",
    "momentum: {lr: 0.05}": "",
    "nesterov: {lr: 0.05}": "",
    "adam: {}": ", precision: float32",
    "adamw: {}": ", ema: 0.9",
    "rmsprop: {momentum: 0.9}": "",
    "kfac: {inverse_every: 3, factor_every: 2}": ", micro_batch: 40, ema: 0.9, precision: float32",
    "shampoo: {update_every: 2}": ", precision: float32",
    "soap: {update_every: 3}": ", gradient_clip: 1.0, precision: float32",
    "adahessian: {}": "",
    "muon: {}": ", precision: bfloat16",
    "lbfgs: {evaluations: 3, history: 4}": ", micro_batch: 300",
}


def resumed_spec(optimizer: str):
    lbfgs = optimizer.startswith("lbfgs")
    text = RESUMED.format(
        optimizer=optimizer,
        norm="none" if lbfgs else "batch",
        l2=0 if lbfgs else 0.001,
        schedule="constant" if lbfgs else "linear",
        batch=2000 if lbfgs else 120,
        epochs=9 if lbfgs else 2,
        more=STATES[optimizer],
    )
    return parsed(text)


def parsed(text: str):
    document = parse_text(text)
    assert document.spec, document.findings
    return document.spec


def finish(run: Run) -> None:
    with run:
        for _ in fit(run, device="cpu"):
            pass


def result(directory: Path) -> tuple[bytes, ...]:
    """What must not differ between runs."""
    return tuple((directory / name).read_bytes() for name in ("metrics.jsonl", "last.safetensors", "best.safetensors"))


@pytest.mark.parametrize("optimizer", STATES)
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path: Path, optimizer: str) -> None:
    """4 steps an epoch (L-BFGS: 1): a stop inside the first epoch, and one inside the second."""
    spec = resumed_spec(optimizer)
    finish(Run.create(tmp_path / "whole", spec))

    run = Run.create(tmp_path / "parts", spec)
    for stop in (2, 3):
        asked = iter(range(1, 1000))
        with run:
            events = list(fit(run, device="cpu", stop=lambda: signal.SIGTERM if next(asked) == stop else 0))  # noqa: B023
        assert type(events[-1]).__name__ == "Stopped"
        run = Run.reopen(tmp_path / "parts")
    finish(run)

    assert result(tmp_path / "parts") == result(tmp_path / "whole")


def built(choice, weights: list[torch.Tensor], decay: float = 0.0, matrices: bool = False):
    """The optimizer of a choice over some weights."""
    return choice.build([{"params": weights, "weight_decay": decay, "matrices": matrices}], nn.Module(), fused=False)


def weight(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def path(choice, steps: int, start: float = 1.0) -> list[float]:
    """Where the minimization of w^2 / 2 gets from `start`."""
    w = weight(start)
    optimizer, found = built(choice, [w]), []
    for _ in range(steps):
        w.grad = w.detach().clone()
        optimizer.step()
        found.append(w.item())
    return found


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Sgd(momentum=0.0), [0.9, 0.81, 0.729]),
        (Momentum(), [0.9, 0.72, 0.486]),
        (Sgd(nesterov=False), [0.9, 0.72, 0.486]),
        (Nesterov(), [0.81, 0.5751]),
        (Sgd(), [0.81, 0.5751]),
        (Adam(lr=0.1), [0.9]),
        (AdamW(lr=0.1), [0.9]),
        (RmsProp(lr=0.1, decay=0.75), [1 - 0.1 / 0.5]),
    ],
)
def test_first_steps_on_a_parabola(choice, expected: list[float]) -> None:
    assert path(choice, len(expected)) == pytest.approx(expected, rel=1e-5)


def test_rmsprop_follows_its_formula() -> None:
    w, v, step = 1.0, 0.0, 0.0
    expected = []
    for _ in range(6):
        v = 0.9 * v + 0.1 * w * w
        step = 0.5 * step + w / (math.sqrt(v) + 1e-3)
        w -= 0.01 * step
        expected.append(w)

    assert path(RmsProp(lr=0.01, decay=0.9, momentum=0.5, eps=1e-3), 6) == pytest.approx(expected, rel=1e-5)


GRADIENTS = torch.tensor([[0.3, -0.2, 0.1], [0.05, 0.4, -0.6]])
CURVATURE = torch.tensor([[1.0, 2.0, 0.5], [3.0, 1.5, 1.0]])


def moved(choice, decay: float, extra: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """(weights before, weights after) two steps; the second, of lr 0.1, is what counts. `extra` joins the gradient."""
    w = torch.tensor([[1.0, -2.0, 0.5], [0.7, 0.2, -1.0]], requires_grad=True)
    optimizer = built(choice, [w], decay, matrices=True)
    for lr in (1e-30, 0.1):  # the first step only fills the memory of SOAP
        for group in optimizer.param_groups:
            group["lr"] = lr
        before = w.detach().clone()
        loss = (GRADIENTS * w).sum() + (CURVATURE * (w - before) ** 2).sum() / 2 + extra * (w * before).sum()
        (w.grad,) = torch.autograd.grad(loss, w, create_graph=choice.create_graph)
        torch.manual_seed(0)
        optimizer.step()
        w.grad = None
    return before, w.detach().clone()


COUPLED = [Sgd(), Momentum(), Nesterov(), Adam(), RmsProp(), Kfac(), Shampoo()]
DECOUPLED = [AdamW(), Soap(), AdaHessian(), Muon()]


@pytest.mark.parametrize("choice", COUPLED, ids=lambda choice: choice.key)
def test_coupled_weight_decay_is_part_of_the_gradient(choice) -> None:
    assert not choice.decoupled
    torch.testing.assert_close(moved(choice, 0.3)[1], moved(choice, 0.0, extra=0.3)[1])


@pytest.mark.parametrize("choice", DECOUPLED, ids=lambda choice: choice.key)
def test_decoupled_weight_decay_is_none_of_the_gradient(choice) -> None:
    """w = (1 - lr * decay) * w beside the step; SOAP shrinks behind it, the others before."""
    before, plain = moved(choice, 0.0)
    shrunk = plain * 0.97 if choice.key == "soap" else plain - 0.03 * before

    assert choice.decoupled
    torch.testing.assert_close(moved(choice, 0.3)[1], shrunk)


def test_every_optimizer_but_lbfgs_is_held_against_its_weight_decay() -> None:
    elsewhere = {"lbfgs", "decoupled_sgd"}  # one has none; that of the other is in test_choices_recipe
    assert {c.key for c in COUPLED + DECOUPLED} | elsewhere == {c.key for c in OPTIMIZERS + SECOND_ORDER}


def minimized(loss_of, start: torch.Tensor, steps: int) -> torch.Tensor:
    w = start.clone().requires_grad_()
    optimizer = built(Lbfgs(), [w])

    def closure() -> float:
        w.grad = None
        loss = loss_of(w)
        loss.backward()
        return loss.item()

    for _ in range(steps):
        optimizer.step(closure)
    return w.detach()


def test_lbfgs_solves_a_quadratic_and_a_logistic_regression() -> None:
    torch.manual_seed(0)
    root = torch.randn(6, 6, dtype=torch.float64)
    matrix, target = root @ root.T + torch.eye(6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    found = minimized(lambda w: w @ matrix @ w / 2 - target @ w, torch.zeros(6, dtype=torch.float64), 5)
    torch.testing.assert_close(found, torch.linalg.solve(matrix, target), atol=1e-5, rtol=0)

    x, y = torch.randn(80, 5, dtype=torch.float64), torch.randint(0, 2, (80,), dtype=torch.float64)

    def regression(w: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(x @ w, y) + 0.01 * w.square().sum()

    def for_scipy(w: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.from_numpy(w).requires_grad_()
        loss = regression(point)
        loss.backward()
        return loss.item(), point.grad.numpy()

    oracle = minimize(for_scipy, np.zeros(5), jac=True, method="L-BFGS-B", tol=1e-12)
    np.testing.assert_allclose(minimized(regression, torch.zeros(5, dtype=torch.float64), 3), oracle.x, atol=1e-5)
