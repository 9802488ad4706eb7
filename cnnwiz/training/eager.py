"""torch's optimizers as they are without torch.compile: each method of theirs imports the compiler first, a second of
every start."""

from __future__ import annotations

import inspect
from typing import TypeVar

import torch
from torch.optim import Optimizer

Kind = TypeVar("Kind", bound=Optimizer)
PREPARED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
"""Methods that torch keeps out of compiled graphs, which needs the compiler."""


def eager(kind: type[Kind]) -> type[Kind]:
    """The same optimizer, the same arithmetic, for steps that no compiled graph contains."""
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in PREPARED}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**methods, "step": step, "__doc__": kind.__doc__})  # pyright: ignore[reportReturnType]
