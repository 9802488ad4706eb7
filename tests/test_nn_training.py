"""What training does to a network's parameters: groups by role, schedules at known points, gradients everywhere."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import networks, unhurried

from cnnwiz.catalog.schedule import SCHEDULES, CosineDecay, LinearDecay, Schedule, StepDecay
from cnnwiz.graph import graph_of
from cnnwiz.nn.network import Network, build
from cnnwiz.spec import Spec, load, parse_text
from cnnwiz.training.optimize import learning_rate, parameter_groups

SMALL = settings(unhurried, max_examples=20)


def spec(text: str) -> Spec:
    document = parse_text(f"cnnwiz: 1\n{text}")
    assert document.spec is not None, document.findings
    return document.spec


@SMALL
@given(networks(nesting=1))
def test_every_parameter_is_in_one_group(given_spec):
    graph = graph_of(given_spec)
    network = Network(graph)
    groups = parameter_groups(network, graph, given_spec)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in network.parameters())


@pytest.mark.parametrize(
    ("skip", "spared"),
    [
        ("[norm, bias]", {"norm.weight", "norm.bias", "linear.bias", "conv.bias"}),
        ("[bias]", {"linear.bias", "conv.bias"}),
        ("[classifier]", {"linear.weight"}),
        ("[depthwise]", {"1.conv.weight"}),
        ("[]", set()),
    ],
)
def test_decay_spares_the_roles_that_are_skipped(skip, spared):
    made = spec(f"""\
model: {{layers: [conv: {{channels: 4, bias: true}}, conv: {{channels: 4, groups: 4, bias: true}}]}}
regularization: {{l2: {{factor: 0.25, skip: {skip}}}}}
""")
    graph = graph_of(made)
    network = Network(graph)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for group in parameter_groups(network, graph, made):
        for parameter in group["params"]:
            is_spared = any(names[id(parameter)].endswith(end) for end in spared)
            assert group["weight_decay"] == (0.0 if is_spared else 0.25), names[id(parameter)]


def test_without_l2_nothing_decays():
    made = spec("model: {layers: [conv: {channels: 4}]}\n")
    graph = graph_of(made)
    assert {group["weight_decay"] for group in parameter_groups(Network(graph), graph, made)} == {0.0}


@pytest.mark.parametrize(
    ("schedule", "epoch", "factor"),
    [
        (LinearDecay(), 0, 1.0),
        (LinearDecay(), 15, 0.5),
        (LinearDecay(), 30, 0.0),
        (LinearDecay(final=0.1), 30, 0.1),
        (LinearDecay(warmup_epochs=2), 0, 0.0),
        (LinearDecay(warmup_epochs=2), 1, 0.5),
        (LinearDecay(warmup_epochs=2), 2, 1.0),
        (LinearDecay(warmup_epochs=2), 16, 0.5),
        (LinearDecay(warmup_epochs=2), 30, 0.0),
        (LinearDecay(warmup_epochs=100), 15, 0.5),  # warm-up is never longer than training
        (StepDecay(), 14.9, 1.0),
        (StepDecay(), 15, 0.1),
        (StepDecay(), 22.5, 0.01),
        (StepDecay(), 30, 0.01),
        (StepDecay(milestones=(0.2,), gamma=0.5), 6, 0.5),
        (CosineDecay(), 0, 1.0),
        (CosineDecay(), 10, (1 + math.cos(math.pi / 3)) / 2),
        (CosineDecay(), 15, 0.5),
        (CosineDecay(), 30, 0.0),
        (CosineDecay(final=0.2), 15, 0.6),
        (CosineDecay(final=0.2), 30, 0.2),
    ],
)
def test_schedules_at_known_points(schedule, epoch, factor):
    assert schedule.factor(epoch, 30) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda cls: cls.key)
@unhurried
@given(epochs=st.integers(1, 50), warmup=st.floats(0, 60), moments=st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_every_schedule_is_a_share_of_the_rate(schedule, epochs, warmup, moments):
    made: Schedule = schedule(warmup_epochs=warmup)
    assert all(0 <= made.factor(moment * epochs, epochs) <= 1 + 1e-12 for moment in moments)


@pytest.mark.parametrize("schedule", [LinearDecay, StepDecay, CosineDecay], ids=lambda cls: cls.key)
@unhurried
@given(epochs=st.integers(1, 50), warmup=st.floats(0, 60), moments=st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_decays_rise_while_they_warm_up_and_then_fall(schedule, epochs, warmup, moments):
    made: Schedule = schedule(warmup_epochs=warmup)
    times = sorted(moment * epochs for moment in moments)
    rising = [made.factor(time, epochs) for time in times if time < min(warmup, epochs)]
    falling = [made.factor(time, epochs) for time in times if time >= min(warmup, epochs)]
    assert all(earlier <= later for earlier, later in pairwise(rising))
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(falling))


def test_the_rate_of_a_step_is_that_at_its_middle():
    made = spec("model: {layers: [norm]}\noptimizer: {sgd: {lr: 0.5}}\ntraining: {epochs: 2}\n")
    rates = [learning_rate(made, step, 4) for step in range(8)]
    assert rates == pytest.approx([0.5 * (1 - (step + 0.5) / 8) for step in range(8)])


@pytest.mark.parametrize("name", ["digits", "cifar10", "resnet18"])
def test_gradients_reach_every_parameter_of_a_template(name):
    network = build(load(Path(__file__).parents[1] / "templates" / f"{name}.yaml"))
    channels, height, width = network.graph.input
    images = torch.randn(2, channels, min(height, 64), min(width, 64))
    network.train()(images).square().sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.any(), parameter_name
