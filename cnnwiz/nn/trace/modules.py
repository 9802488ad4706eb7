"""Torch's layers as operations of the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from cnnwiz.catalog import activation, dropout, normalization, pooling, rectifier
from cnnwiz.catalog.operation import Operation, Shape
from cnnwiz.catalog.primitive import Convolution2d, Drop, Flatten, Linear
from cnnwiz.catalog.rearrange import AdaptivePool2d, Shuffle2d
from cnnwiz.nn.trace import operations as more


def pair(value: Any) -> tuple[int, int]:
    """(height, width) of what torch takes as one number or as two."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def read_module(module: nn.Module, shape: Shape) -> Operation | None:
    """The operation of a layer for an input of `shape`; None where it is not known."""
    for kind, read in TABLE.items():
        if isinstance(module, kind):
            return read(module, shape)
    return None


def convolution(module: nn.Conv2d, shape: Shape) -> Operation | None:
    if module.padding_mode != "zeros" or module.transposed:
        return None
    kernel, dilation = pair(module.kernel_size), pair(module.dilation)
    if isinstance(module.padding, str):
        both = [(k - 1) * d if module.padding == "same" else 0 for k, d in zip(kernel, dilation, strict=True)]
        padding = (both[0] // 2, both[0] - both[0] // 2, both[1] // 2, both[1] - both[1] // 2)
    else:
        top, left = pair(module.padding)
        padding = (top, top, left, left)
    return Convolution2d(
        channels=module.out_channels,
        kernel=kernel,
        stride=pair(module.stride),
        padding=padding,
        dilation=dilation,
        groups=module.groups,
        bias=module.bias is not None,
        weight_norm=is_parametrized(module, "weight"),
    )


def linear(module: nn.Linear, shape: Shape) -> Operation:
    """A linear layer; over the channels of a map it is a convolution with a window of one position."""
    if len(shape) == 3:
        return Convolution2d(channels=module.out_features, kernel=(1, 1), bias=module.bias is not None)
    return Linear(
        features=module.out_features, bias=module.bias is not None, weight_norm=is_parametrized(module, "weight")
    )


def batch_norm(module: nn.BatchNorm2d | nn.BatchNorm1d, shape: Shape) -> Operation:
    if not module.affine:
        return more.PlainNorm()
    momentum = module.momentum if module.momentum else 0.1
    return normalization.BatchNorm(eps=module.eps or 1e-5, momentum=momentum)


def group_norm(module: nn.GroupNorm, shape: Shape) -> Operation | None:
    if not module.affine:
        return None
    return normalization.LayerNorm() if module.num_groups == 1 else normalization.GroupNorm(groups=module.num_groups)


def max_pool(module: nn.MaxPool2d, shape: Shape) -> Operation | None:
    if pair(module.dilation) != (1, 1):
        return None
    return pool(pooling.MaxPool2d, module.kernel_size, module.stride, module.padding, module.ceil_mode)


def average_pool(module: nn.AvgPool2d, shape: Shape) -> Operation:
    return pool(pooling.AveragePool2d, module.kernel_size, module.stride, module.padding, module.ceil_mode)


def pool(kind: type[pooling.Pool2d], kernel: Any, stride: Any, padding: Any, ceil: bool) -> Operation:
    """A pooling from torch's arguments."""
    top, left = pair(padding)
    step = pair(kernel if stride is None or stride == [] else stride)
    return kind(kernel=pair(kernel), stride=step, padding=(top, top, left, left), ceil=ceil)


def adaptive(size: Any, shape: Shape, largest: bool = False) -> Operation:
    """Pooling to `size`, in which None stands for the input's own."""
    wanted = (size, size) if isinstance(size, int) or size is None else tuple(size)
    rows, columns = (own if side is None else side for side, own in zip(wanted, shape[1:], strict=True))
    return AdaptivePool2d(size=(rows, columns), largest=largest)


def local_response(module: nn.LocalResponseNorm, shape: Shape) -> Operation:
    return normalization.LocalResponseNorm(size=module.size, k=module.k)


def prelu(module: nn.PReLU, shape: Shape) -> Operation:
    return rectifier.Prelu(shared=module.num_parameters == 1)


def _plain(kind: type[Operation], **names: str) -> Callable[[Any, Shape], Operation]:
    """A reader of layers whose parameters are attributes of torch's layer."""
    return lambda module, shape: kind(**{mine: getattr(module, theirs) for mine, theirs in names.items()})


TABLE: dict[type[nn.Module], Callable[[Any, Shape], Operation | None]] = {
    nn.Conv2d: convolution,
    nn.Linear: linear,
    nn.BatchNorm2d: batch_norm,
    nn.BatchNorm1d: batch_norm,
    nn.GroupNorm: group_norm,
    nn.LocalResponseNorm: local_response,
    nn.ReLU6: lambda module, shape: activation.Relu(cap=6.0),
    nn.ReLU: _plain(activation.Relu),
    nn.LeakyReLU: _plain(activation.LeakyRelu, negative_slope="negative_slope"),
    nn.ELU: _plain(activation.Elu, alpha="alpha"),
    nn.SELU: _plain(activation.Selu),
    nn.GELU: _plain(activation.Gelu),
    nn.SiLU: _plain(activation.Silu),
    nn.Sigmoid: _plain(activation.Sigmoid),
    nn.Tanh: _plain(activation.Tanh),
    nn.PReLU: prelu,
    nn.RReLU: _plain(rectifier.Rrelu, lower="lower", upper="upper"),
    nn.Hardswish: _plain(more.Hardswish),
    nn.Hardsigmoid: _plain(more.Hardsigmoid),
    nn.Mish: _plain(more.Mish),
    nn.Softplus: _plain(more.Softplus),
    nn.Softmax: _plain(more.Softmax),
    nn.MaxPool2d: max_pool,
    nn.AvgPool2d: average_pool,
    nn.AdaptiveAvgPool2d: lambda module, shape: adaptive(module.output_size, shape),
    nn.AdaptiveMaxPool2d: lambda module, shape: adaptive(module.output_size, shape, largest=True),
    nn.Flatten: _plain(Flatten),
    nn.AlphaDropout: _plain(dropout.AlphaDrop, rate="p"),
    nn.Dropout2d: _plain(dropout.SpatialDrop, rate="p"),
    nn.Dropout: _plain(Drop, rate="p"),
    nn.ChannelShuffle: _plain(Shuffle2d, groups="groups"),
}
"""By type; a subclass is read as the first of these that it is of."""
