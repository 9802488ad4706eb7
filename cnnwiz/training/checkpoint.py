"""Checkpoints: one safetensors file each, with a digest, written so that no crash can leave a half one behind."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cnnwiz.errors import CnnwizError
from cnnwiz.training.files import TEMPORARY, reason, settle


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able metadata to `path`: temporary file, fsync, rename, fsync of the folder.

    Raises CnnwizError (code 4) when the disk refuses; what was there before is then untouched.
    """
    data = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One metadata entry: safetensors orders several at random, and equal runs must give equal bytes.
    text = canonical({"about": metadata, "sha256": digest(data, canonical(metadata))})
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        save_file(data, temporary, metadata={"cnnwiz": text})
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        settle(temporary, path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise CnnwizError(f"{path}: cannot be written: {reason(error)}; earlier files are intact", code=4) from None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a file that `write` made. Raises CnnwizError (code 4) for any other or damaged file."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            data = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise CnnwizError(f"{path}: cannot be read: {reason(error)}", code=4) from None
    try:
        envelope = json.loads(metadata["cnnwiz"])
        about, expected = envelope["about"], envelope["sha256"]
    except (KeyError, TypeError, ValueError):
        raise CnnwizError(f"{path}: damaged, or not written by cnnwiz: it has no digest", code=4) from None
    if expected != digest(data, canonical(about)):
        raise CnnwizError(f"{path}: damaged: its content does not match its digest", code=4)
    return data, about


def canonical(metadata: Mapping[str, Any]) -> str:
    """The one JSON text of some metadata; floats keep every bit, NaN is an error."""
    return json.dumps(metadata, sort_keys=True, allow_nan=False)


def digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """sha256 over the metadata text and every tensor's name, type, shape and bytes."""
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return total.hexdigest()
