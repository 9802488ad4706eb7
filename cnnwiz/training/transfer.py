"""Beginning with the weights of another run (`model.from`): the same layers, and a new head where classes differ."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from cnnwiz.errors import CnnwizError
from cnnwiz.training.checkpoint import read


def take_over(origin: Path, network: nn.Module, classes: tuple[str, ...]) -> str:
    """Copy the best weights of the run `origin` (or of a .safetensors file) into a network, and say what was taken.

    Everything in front of the head must be there with the same name and shape; the head is taken where the classes are
    the same. Raises CnnwizError (code 2) otherwise.
    """
    file = origin / "best.safetensors" if origin.is_dir() else origin
    if not file.is_file():
        raise CnnwizError(f"model.from: {file} does not exist; name the directory of a run that trained an epoch")
    tensors, about = read(file)
    own = network.state_dict()
    body = [name for name in own if not name.startswith("head.")]
    head = [name for name in own if name.startswith("head.")]
    if strange := [name for name in body if not _fits(name, own, tensors)]:
        there = f"of shape {tuple(tensors[strange[0]].shape)}" if strange[0] in tensors else "not there"
        raise CnnwizError(
            f"model.from: {strange[0]} has shape {tuple(own[strange[0]].shape)} here and is {there} in {file} "
            f"({len(strange)} of {len(body)} differ); input, layers and their defaults must be those of that run"
        )
    same = list(about.get("classes", ())) == list(classes) and all(_fits(name, own, tensors) for name in head)
    taken = body + head if same else body
    with torch.no_grad():
        for name in taken:
            own[name].copy_(tensors[name])  # state_dict shares memory with the network
    ignored = len(tensors) - len(taken) - (0 if same else sum(name.startswith("head.") for name in tensors))
    rest = f"; {ignored} tensors there have no place here" if ignored else ""
    return f"weights from {file}: {len(taken)} tensors; {'head too' if same else 'new head'}{rest}"


def _fits(name: str, own: dict[str, Tensor], tensors: dict[str, Tensor]) -> bool:
    return name in tensors and tensors[name].shape == own[name].shape
