"""Batch norm over the images of all ranks: what one process would compute on the whole batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm

from cnnwiz.nn.network import Network


class _Total(torch.autograd.Function):
    """The sum over all ranks, and of all ranks' gradients backwards."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        total = grad_outputs[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm(_BatchNorm):
    """torch's SyncBatchNorm, which needs a GPU, for every device: input (B, C) or (B, C, H, W), as many ranks as there
    are. Evaluation is that of batch norm."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2 dimensions, got {input.dim()}")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        x = input.float()
        variance, mean = torch.var_mean(x, axes, correction=0)
        # Per channel in float64, so that the difference of squares loses nothing.
        count = input.numel() // input.shape[1]
        own = torch.cat((mean.double(), variance.double() + mean.double().square(), mean.new_ones(1).double())) * count
        total = _Total.apply(own)
        assert isinstance(total, Tensor), "what the function returns"
        size = total[-1].detach()
        centre, square = (total[:-1] / size).chunk(2)
        spread = square - centre.square()
        self._follow(centre.detach(), spread.detach() * (size / (size - 1)))
        scale = torch.rsqrt(spread + self.eps).float()
        scale = scale if self.weight is None else scale * self.weight
        shift = -centre.float() * scale
        shift = shift if self.bias is None else shift + self.bias
        shape = [1, -1, *[1] * (input.dim() - 2)]
        return torch.addcmul(shift.view(shape), x, scale.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Bring the running statistics up to date; `variance` is the unbiased one."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


def share_statistics(network: Network) -> None:
    """Replace every batch norm of a network by one over all ranks: torch's own on NVIDIA GPUs, ours elsewhere."""
    for place, (index, module, inputs, dead) in enumerate(network.steps):
        if not isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            continue
        kind = nn.SyncBatchNorm if next(module.buffers()).is_cuda and dist.get_backend() == "nccl" else SharedBatchNorm
        shared = kind(module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
        shared._parameters, shared._buffers = module._parameters, module._buffers
        network.set_submodule(network.graph.nodes[index].name, shared)
        network.steps[place] = (index, shared, inputs, dead)
