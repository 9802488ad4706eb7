"""Optimizers without the compiler: the steps are torch's own, and a run never imports what it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import LBFGS, SGD, Adam, AdamW, RMSprop

from cnnwiz.training.eager import eager

KINDS = [
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "fused": True}),
    (Adam, {"lr": 0.01, "fused": True}),
    (AdamW, {"lr": 0.01}),
    (RMSprop, {"lr": 0.01, "momentum": 0.5}),
    (LBFGS, {"lr": 1.0, "max_iter": 3, "line_search_fn": "strong_wolfe"}),
]


def trained(kind, settings) -> list[torch.Tensor]:
    """Weights behind six steps, the state saved and restored in the middle."""
    torch.manual_seed(0)
    network = nn.Linear(5, 3)
    images, labels = torch.randn(20, 5), torch.arange(20) % 3
    optimizer = kind(network.parameters(), **settings)

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(network(images), labels)
        value.backward()
        return value

    for step in range(6):
        if step == 3:
            state = optimizer.state_dict()
            optimizer = kind(network.parameters(), **settings)
            optimizer.load_state_dict(state)
        if kind.__name__ != "LBFGS":
            loss()
        optimizer.step(loss if kind.__name__ == "LBFGS" else None)
    return [parameter.detach().clone() for parameter in network.parameters()]


@pytest.mark.parametrize(("kind", "settings"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
def test_steps_are_those_of_torch_bit_by_bit(kind, settings):
    for found, expected in zip(trained(eager(kind), settings), trained(kind, settings), strict=True):
        assert torch.equal(found, expected)


def test_a_group_that_is_no_tensor_is_refused_as_by_torch():
    with pytest.raises(TypeError):
        eager(SGD)(["weight"], lr=0.1)  # pyright: ignore[reportArgumentType]: the mistake it is about


PROGRAM = """
import sys
from pathlib import Path
from small_run import train_small
train_small(Path(sys.argv[1]), ("epochs: 4", "epochs: 1"), ("precision: float32", "precision: auto"))
print(*sorted({"torch._dynamo", "torch.fx.experimental.symbolic_shapes", "torchvision"} & sys.modules.keys()))
"""


def test_a_run_imports_neither_the_compiler_nor_torchvision(tmp_path):
    """Each takes a second of every start."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120, check=True)

    assert done.stdout.split() == []
