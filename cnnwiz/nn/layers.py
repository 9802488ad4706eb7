"""Modules that torch lacks. A leaf: imports only torch, so that catalogue classes may import it inside `build`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def untrained(module: nn.Module, name: str) -> nn.Module:
    """The module with this parameter turned into a buffer: saved and moved with it, but not trained."""
    value = module.get_parameter(name).detach()
    delattr(module, name)
    module.register_buffer(name, value)
    return module


class UnitLength(nn.Module):
    """Vectors (B, F) divided by their length."""

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x)


class Add(nn.Module):
    """Element-wise sum of tensors of one shape."""

    def forward(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


class Concat(nn.Module):
    """Tensors (B, C_i, H, W) stacked along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)


class Maxout(nn.Module):
    """(B, C * pieces, ...) to (B, C, ...): the largest of each `pieces` neighbouring channels."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, self.pieces)).amax(2)


class GaussianDropout(nn.Module):
    """Values times N(1, rate / (1 - rate)) while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.deviation = (rate / (1 - rate)) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.deviation * torch.randn_like(x)) if self.training else x


class GlobalAverage(nn.Module):
    """(B, C, H, W) to (B, C): the mean over all positions."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class PadChannels(nn.Module):
    """(B, C, H, W) to (B, C + extra, ceil(H / sh), ceil(W / sw)): subsampled, then zero channels behind."""

    def __init__(self, extra: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride[0], :: self.stride[1]], (0, 0, 0, 0, 0, self.extra))


class PaddedConv2d(nn.Conv2d):
    """A convolution whose zero padding (left, right, top, bottom) differs from side to side."""

    def __init__(self, like: nn.Conv2d, sides: tuple[int, int, int, int]) -> None:
        super().__init__(
            like.in_channels,
            like.out_channels,
            (like.kernel_size[0], like.kernel_size[1]),
            (like.stride[0], like.stride[1]),
            dilation=(like.dilation[0], like.dilation[1]),
            groups=like.groups,
            bias=like.bias is not None,
        )
        self.sides = sides

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self.sides))


class Slice(nn.Module):
    """(B, C, H, W) to (B, stop - start, H, W): some of the channels."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]


class Scale(nn.Module):
    """Every value times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Multiply(nn.Module):
    """Element-wise product; (B, C, 1, 1) weighs all positions of its channel."""

    def forward(self, *inputs: Tensor) -> Tensor:
        product = inputs[0]
        for other in inputs[1:]:
            product = product * other
        return product


class Gate(nn.Module):
    """Highway gate: transform * T + carried * (1 - T), T = sigmoid(scores)."""

    def forward(self, transform: Tensor, scores: Tensor, carried: Tensor) -> Tensor:
        return carried + torch.sigmoid(scores) * (transform - carried)


class StochasticPool2d(nn.Module):
    """One value of each window, drawn with probability in proportion to it (training), or their mean so weighted.

    Negative values count as 0; a window without a positive one gives 0. Padding is never drawn.
    """

    def __init__(
        self, kernel: tuple[int, int], stride: tuple[int, int], sides: tuple[int, int, int, int], size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.sides, self.size = kernel, stride, sides, size

    def forward(self, x: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        padded = F.pad(x.clamp(min=0), self.sides)  # zeros have no chance beside a positive value
        windows = F.unfold(padded, self.kernel, stride=self.stride).view(batch, channels, -1, *self.size)
        total = windows.sum(2, keepdim=True)
        share = windows / total.clamp(min=torch.finfo(x.dtype).tiny)
        if not self.training:
            return (share * windows).sum(2)
        drawn = (torch.rand_like(total) * total < windows.cumsum(2)).to(torch.uint8).argmax(2, keepdim=True)
        return windows.gather(2, drawn).squeeze(2)
