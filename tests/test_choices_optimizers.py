"""Optimizers and schedules against torch, closed forms and naive arithmetic; each survives a resume bit by bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD, lr_scheduler

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
