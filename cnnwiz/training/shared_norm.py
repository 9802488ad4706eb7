"""Batch norm over the images of all ranks: what one process would compute on the whole batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm

from cnnwiz.nn.network import Network
from cnnwiz.training.distributed import ALONE, Ranks


class _Normalized(torch.autograd.Function):
    """Batch norm by the statistics of all ranks' images, with torch's own kernels: those of one process read each map
    twice, operations of our own would read it ten times."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float, ranks: Ranks
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The normalized x, and mean and unbiased variance of each channel."""
        mean, variance = _statistics(x)
        count = x.numel() // x.shape[1]
        total = torch.cat((mean, variance + mean.square(), mean.new_ones(1))) * count
        size = ranks.total(total)[-1]
        mean, square = (total[:-1] / size).chunk(2)
        variance = (square - mean.square()).clamp_min(0)
        ctx.save_for_backward(x, weight, mean, variance, size)
        ctx.eps, ctx.ranks = eps, ranks
        y = torch.batch_norm(x, weight, bias, mean.float(), variance.float(), False, 0.0, eps, False)
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance * (size / (size - 1))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The mean and the variance move with each x: sum over all ranks of dy, and of dy times the normalized x."""
        x, weight, mean, variance, size = ctx.saved_tensors
        layout = torch.channels_last if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) else None
        dy = grad_outputs[0].contiguous(memory_format=layout or torch.contiguous_format)
        found = torch.ops.aten.native_batch_norm_backward(
            dy, x, weight, mean.float(), variance.float(), None, None, False, ctx.eps, [True, True, True]
        )
        direct, of_weight, of_bias = found
        sums = ctx.ranks.total(torch.cat((of_weight.double(), of_bias.double())))
        with_x, alone = (sums / size).chunk(2)
        inverse = torch.rsqrt(variance + ctx.eps)
        slope = -weight.double() * inverse.square() * with_x
        shift = -weight.double() * inverse * alone - slope * mean
        zeros, ones = torch.zeros_like(weight), torch.ones_like(weight)
        moved = torch.batch_norm(x, slope.float(), shift.float(), zeros, ones, False, 0.0, 0.0, False)
        return direct.add_(moved), of_weight, of_bias, None, None


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel over this rank's images, float64, so that differences of squares lose nothing.

    The operation gives them in the type of the running ones, which are there for that alone and stay 0.
    """
    kept = torch.zeros(2, x.shape[1], device=x.device, dtype=torch.promote_types(x.dtype, torch.float32))
    mean, variance = torch.ops.aten.batch_norm_update_stats(x, kept[0], kept[1], 0.0)
    return mean.double(), variance.double()


class SharedBatchNorm(_BatchNorm):
    """torch's SyncBatchNorm, which needs a GPU, for every device: input (B, C) or (B, C, H, W), as many ranks as there
    are. Evaluation is that of batch norm."""

    ranks: Ranks = ALONE

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2 dimensions, got {input.dim()}")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        size = input.shape[1]
        weight = self.weight if self.weight is not None else torch.ones(size, device=input.device)
        bias = self.bias if self.bias is not None else torch.zeros(size, device=input.device)
        found = _Normalized.apply(input, weight, bias, self.eps, self.ranks)
        assert isinstance(found, tuple), "what the function returns"
        y, mean, variance = found
        self._follow(mean, variance)
        return y

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Bring the running statistics up to date; `variance` is the unbiased one."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


def share_statistics(network: Network, ranks: Ranks) -> None:
    """Replace every batch norm of a network by one over all ranks: torch's own on NVIDIA GPUs, ours elsewhere."""
    for place, (index, module, inputs, dead) in enumerate(network.steps):
        if not isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            continue
        kind = nn.SyncBatchNorm if next(module.buffers()).is_cuda and dist.get_backend() == "nccl" else SharedBatchNorm
        shared = kind(module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
        shared._parameters, shared._buffers = module._parameters, module._buffers
        if isinstance(shared, SharedBatchNorm):
            shared.ranks = ranks
        network.set_submodule(network.graph.nodes[index].name, shared)
        network.steps[place] = (index, shared, inputs, dead)
