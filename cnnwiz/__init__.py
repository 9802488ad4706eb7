"""cnnwiz: from the decisions behind a convolutional network to a trained one. Five verbs, imported on use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["build", "lint", "load", "summary", "train"]

if TYPE_CHECKING:
    from cnnwiz.graph.summary import summary
    from cnnwiz.nn.network import build
    from cnnwiz.rules import lint
    from cnnwiz.spec import load
    from cnnwiz.training import train

_VERBS = {
    "load": "cnnwiz.spec",
    "lint": "cnnwiz.rules",
    "summary": "cnnwiz.graph.summary",
    "build": "cnnwiz.nn.network",
    "train": "cnnwiz.training",
}


def __getattr__(name: str) -> Any:
    """Import a verb's package only when the verb is used: `import cnnwiz` costs nothing and never brings torch."""
    if name not in _VERBS:
        raise AttributeError(f"module 'cnnwiz' has no attribute {name!r}")
    return getattr(import_module(_VERBS[name]), name)
