"""AdaHessian as published: pytorch-optimizer's, with the curvature averaged over the positions of a kernel."""

from __future__ import annotations

from typing import Any

from pytorch_optimizer import AdaHessian


class AveragedAdaHessian(AdaHessian):
    """The estimates z * Hz of a filter (out, in, height, width) are noisy one by one: their mean over height and width
    stands for each."""

    def compute_hutchinson_hessian(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, param_groups: list[dict[str, Any]], state: Any, num_samples: int, distribution: str
    ) -> None:
        super().compute_hutchinson_hessian(param_groups, state, num_samples, distribution=distribution)  # pyright: ignore[reportArgumentType]
        for group in param_groups:
            for weight in group["params"]:
                if weight.dim() == 4 and "hessian" in state[weight]:
                    hessian = state[weight]["hessian"]
                    hessian.copy_(hessian.abs().mean((2, 3), keepdim=True).expand_as(hessian))
