"""A torch module by its name: torchvision.models:resnet50, or an instance, a class or a factory of one's own."""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from cnnwiz.errors import CnnwizError

FORM = "write package.module:name"


def load_module(name: str) -> nn.Module:
    """The module that `name` (package.module:attribute) stands for, in evaluation mode; a class or function is called
    without arguments. Modules of the current directory count. Its weights may be on the device meta: without values.

    Raises CnnwizError where there is none.
    """
    place, colon, attribute = name.partition(":")
    if not colon or not place or not attribute:
        raise CnnwizError(f"{name!r} names no module: {FORM}, as in torchvision.models:resnet50")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = importlib.import_module(place)
    except (ImportError, SyntaxError) as error:
        raise CnnwizError(f"cannot import {place!r}: {error}; {FORM} of something that Python finds") from None
    finally:
        sys.path.pop(0)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise CnnwizError(f"{place!r} has no {attribute!r}: {FORM} of a module, a class or a function")
        found = getattr(found, part)
    return _made(found, name).eval()


def _made(found: object, name: str) -> nn.Module:
    """The module itself, or what calling gives: first without values, which costs neither time nor memory."""
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise CnnwizError(f"{name} is {type(found).__name__}: {FORM} of a module, a class or a function")
    _require_no_arguments(found, name)
    try:
        made = _called(found, "meta")
    except (NotImplementedError, RuntimeError):  # it looks at values while it is built
        made = _called(found, "cpu")
    if not isinstance(made, nn.Module):
        raise CnnwizError(f"{name}() gives {type(made).__name__}, not a torch.nn.Module")
    return made


def _require_no_arguments(factory: Callable[..., object], name: str) -> None:
    parameters = inspect.signature(factory).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        raise CnnwizError(f"{name} needs arguments ({', '.join(needed)}): write a function without any that calls it")


def _called(factory: Callable[..., object], device: str) -> object:
    with warnings.catch_warnings(), torch.device(device):
        warnings.simplefilter("ignore")  # about initial values, which do not matter here
        return factory()
