"""torch.compile: the network's forward and backward as generated code."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from torch import nn

from cnnwiz.errors import CnnwizError


def compile_network(network: nn.Module, device: str, folder: Path) -> None:
    """Let calls of the network run compiled code, which is made at the first one and kept in `folder`.

    Raises CnnwizError where the compiler that torch calls is missing.
    """
    if device.startswith("cuda") and importlib.util.find_spec("triton") is None:
        raise CnnwizError("training.compile needs triton on a GPU: install it, or leave compile out")
    if device == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        raise CnnwizError(
            "training.compile needs a C++ compiler (g++, or the one CXX names): install it, or leave it out"
        )
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder.absolute()))  # else below the system's /tmp
    network.compile()
