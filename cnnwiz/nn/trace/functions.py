"""Calls between torch's layers as operations of the graph: sums, concatenations, poolings without a layer, ..."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.nn import functional as F

from cnnwiz.catalog import activation, dropout, pooling
from cnnwiz.catalog.operation import Operation, Shape
from cnnwiz.catalog.primitive import Add, Concat, Drop, Flatten, GlobalAverage
from cnnwiz.catalog.rearrange import AdaptivePool2d, Multiply, Scale, Shuffle2d
from cnnwiz.nn.trace import operations as more
from cnnwiz.nn.trace.modules import adaptive, pool

PRODUCTS: tuple[Any, ...] = (operator.mul, operator.imul, torch.mul, operator.truediv, "mul", "mul_", "div", "div_")


class Call(NamedTuple):
    """A call: what is called, its arguments with shapes in place of maps and vectors, and the shape of its result."""

    target: Any
    """A function, or the name of a method."""
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    shapes: tuple[Shape, ...]
    """Of the maps and vectors it reads."""
    result: Shape

    def argument(self, place: int, name: str, otherwise: Any = None) -> Any:
        """An argument by place (0 is the map itself) or name."""
        return self.named.get(name, self.arguments[place] if len(self.arguments) > place else otherwise)


def read_call(call: Call) -> Operation | None:
    """The operation of a call; None where it is not known."""
    read = TABLE.get(call.target) if call.target.__hash__ else None
    return read(call) if read else None


def total(call: Call) -> Operation | None:
    """A sum of maps of one shape; of a map and a number nothing that counts."""
    if len(call.shapes) < 2:
        return Scale(factor=1.0)
    return Add() if len(set(call.shapes)) == 1 else None


def product(call: Call) -> Operation | None:
    """A product of maps, where one may weigh the channels of the other; or of a map and a number."""
    if len(call.shapes) < 2:
        return Scale(factor=1.0)
    largest = max(call.shapes, key=lambda shape: (len(shape), shape))
    weighs = (largest[0], *(1 for _ in largest[1:]))
    return Multiply() if all(shape in (largest, weighs) for shape in call.shapes) else None


def concatenation(call: Call) -> Operation | None:
    return Concat() if call.argument(1, "dim", 0) in (1, -3) and len(call.result) == 3 else None


def mean(call: Call) -> Operation | None:
    """The mean over all positions."""
    over = call.argument(1, "dim")
    if len(call.shapes[0]) != 3 or over is None or sorted(axis % 4 for axis in over) != [2, 3]:
        return None
    return AdaptivePool2d(size=(1, 1)) if call.argument(2, "keepdim", False) else GlobalAverage()


def flattened(call: Call) -> Operation | None:
    """A map as a vector; a vector stays one."""
    if len(call.result) != 1:
        return None
    return Flatten() if len(call.shapes[0]) == 3 else Scale(factor=1.0)


def sliding(kind: type[pooling.Pool2d]) -> Callable[[Call], Operation]:
    """A reader of pooling calls; both have kernel, stride and padding first, then differ."""

    def read(call: Call) -> Operation:
        later = 5 if kind is pooling.MaxPool2d else 4
        ceil = bool(call.argument(later, "ceil_mode", False))
        kernel, stride = call.argument(1, "kernel_size"), call.argument(2, "stride")
        return pool(kind, kernel, stride, call.argument(3, "padding", 0), ceil)

    return read


def dropped(kind: type[Any]) -> Callable[[Call], Operation]:
    """A reader of dropout calls; without effect in evaluation, they are read as what training does."""
    return lambda call: kind(rate=float(call.argument(1, "p", 0.5)))


def depth(call: Call) -> Operation:
    return dropout.DepthDrop(rate=float(call.argument(1, "p", 0.0)))


def _is(operation: Operation) -> Callable[[Call], Operation]:
    return lambda call: operation


def _table() -> dict[Any, Callable[[Call], Operation | None]]:
    """Functions and names of methods with their readers."""
    same: dict[Any, Callable[[Call], Operation | None]] = {}
    several: list[tuple[Callable[[Call], Operation | None], tuple[Any, ...]]] = [
        (total, (operator.add, operator.iadd, torch.add, "add", "add_")),
        (product, PRODUCTS),
        (concatenation, (torch.cat, torch.concat)),
        (mean, (torch.mean, "mean")),
        (flattened, (torch.flatten, torch.reshape, "flatten", "view", "reshape", "squeeze", torch.squeeze)),
        (_is(activation.Relu()), (F.relu, torch.relu, torch.relu_, "relu", "relu_")),
        (_is(activation.Relu(cap=6.0)), (F.relu6,)),
        (_is(activation.Sigmoid()), (torch.sigmoid, F.sigmoid, "sigmoid", "sigmoid_")),
        (_is(activation.Tanh()), (torch.tanh, F.tanh, "tanh")),
        (_is(activation.Gelu()), (F.gelu,)),
        (_is(activation.Silu()), (F.silu,)),
        (_is(activation.Selu()), (F.selu,)),
        (lambda call: activation.Elu(alpha=float(call.argument(1, "alpha", 1.0))), (F.elu,)),
        (lambda call: activation.LeakyRelu(negative_slope=float(call.argument(1, "x", 0.01))), (F.leaky_relu,)),
        (_is(more.Hardswish()), (F.hardswish,)),
        (_is(more.Hardsigmoid()), (F.hardsigmoid,)),
        (_is(more.Mish()), (F.mish,)),
        (_is(more.Softmax()), (F.softmax, torch.softmax, "softmax")),
        (sliding(pooling.MaxPool2d), (F.max_pool2d, torch.max_pool2d)),
        (sliding(pooling.AveragePool2d), (F.avg_pool2d,)),
        (lambda call: adaptive(call.argument(1, "output_size"), call.shapes[0]), (F.adaptive_avg_pool2d,)),
        (
            lambda call: adaptive(call.argument(1, "output_size"), call.shapes[0], largest=True),
            (F.adaptive_max_pool2d,),
        ),
        (dropped(Drop), (F.dropout,)),
        (dropped(dropout.SpatialDrop), (F.dropout2d,)),
        (lambda call: Shuffle2d(groups=int(call.argument(1, "groups"))), (F.channel_shuffle,)),
    ]
    for read, targets in several:
        same |= dict.fromkeys(targets, read)
    return same


TABLE = _table()
