"""Torch modules read back as graphs, as far as their operations are known; what is not known is named."""

from __future__ import annotations

from cnnwiz.nn.trace.load import load_module
from cnnwiz.nn.trace.read import Traced, trace

__all__ = ["Traced", "load_module", "trace"]
