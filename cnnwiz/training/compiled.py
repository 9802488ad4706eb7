"""torch.compile: the network's forward and backward as generated code."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from torch import nn

from cnnwiz.errors import CnnwizError


def keep_compiled(folder: Path) -> None:
    """Let torch keep generated code in `folder`, unless the environment names another; else it is below /tmp.

    To be called before anything imports torch._dynamo, which decides then.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder.absolute()))


def compile_network(network: nn.Module, device: str) -> None:
    """Let calls of the network run compiled code, which is made at the first one.

    Raises CnnwizError where the compiler that torch calls is missing.
    """
    if device.startswith("cuda") and importlib.util.find_spec("triton") is None:
        raise CnnwizError("training.compile needs triton on a GPU: install it, or leave compile out")
    if device == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        raise CnnwizError("training.compile needs a C++ compiler, g++ or that of CXX: install it, or leave compile out")
    network.compile()
