"""Optimizers that look beyond the gradient: at curvature, or at a layer's weights as one matrix."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from cnnwiz.catalog.optimizer import Optimizer, Rates

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer as TorchOptimizer
    from typing_extensions import Self


class Lbfgs(Optimizer):
    """L-BFGS: steps along -H g, where the inverse Hessian H is rebuilt from the last `history` changes of weights and
    gradients; a strong-Wolfe line search finds how far. It evaluates the loss several times per step.

    Use: very small data in one batch, a loss that is the same at every call: no batch norm, dropout or augmentation.

    Avoid: mini-batches, whose losses differ from one to the next.

    Cost: 2 * history copies of the weights, up to 25 evaluations of all images per step.
    """

    key = "lbfgs"
    papers = ("Liu, Nocedal: Math. Programming 45 (1989)",)
    conflicts = {
        "normalization.batch": "its statistics move at every evaluation of the loss",
        "regularization.l2": "it has no weight decay: write the penalty as lp with p 2",
    }
    closure: ClassVar[bool] = True
    full_precision: ClassVar[bool] = True

    lr: float = Field(default=1.0, gt=0, le=100, description="length at which each line search begins")
    evaluations: int = Field(default=20, ge=1, le=1000, description="directions tried per step")
    history: int = Field(default=10, ge=1, le=1000, description="changes the curvature is estimated from")

    @model_validator(mode="after")
    def _one_rate(self) -> "Self":
        if self.rates != Rates():
            raise ValueError("rates: lbfgs moves all weights by one step; leave them out, or take another optimizer")
        return self

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch import contiguous_format
        from torch.optim import LBFGS

        from cnnwiz.training.eager import eager

        network.to(memory_format=contiguous_format)  # pyright: ignore[reportCallIssue] - it flattens every gradient
        parameters = [parameter for group in groups for parameter in group["params"]]
        return eager(LBFGS)(
            parameters,
            lr=self.lr,
            max_iter=self.evaluations,
            history_size=self.history,
            line_search_fn="strong_wolfe",
        )


class Kfac(Optimizer):
    """K-FAC: natural gradient layer by layer, (A x G + damping * I)^-1 g, where A and G are the second moments of a
    layer's inputs and of the likelihood's gradients at its outputs. What is neither a linear layer nor an ungrouped
    convolution gets momentum SGD with the same lr.

    Use: large batches; networks of linear layers and ungrouped convolutions.

    Avoid: losses that are no likelihood; mostly depthwise or grouped networks; wide fully-connected layers.

    Cost: A and G twice per layer; a second backward pass and products over all patches per update of them: 4 to 8 times
    the time of an SGD step on a CPU, where `factor_every: 10` makes that rare.
    """

    key = "kfac"
    papers = ("arXiv:1503.05671", "arXiv:1602.01407")
    conflicts = {
        "loss.hinge": "it is no likelihood, so there is no Fisher matrix",
        "normalization.weight": "the layer's weight is computed, not trained",
    }

    momentum: float = Field(default=0.9, ge=0, lt=1, description="share of the last step that is kept")
    damping: float = Field(default=0.003, gt=0, le=1e6, description="added to the eigenvalues of the Fisher matrix")
    factor_decay: float = Field(default=0.95, ge=0, lt=1, description="memory of A and G")
    clip: float = Field(default=0.001, gt=0, le=1e6, description="largest lr^2 * sum(step * gradient)")
    factor_every: int = Field(default=1, ge=1, le=10_000, description="steps between updates of A and G")
    inverse_every: int = Field(default=10, ge=1, le=10_000, description="steps between updates of their eigenvectors")
    max_side: int = Field(default=4096, ge=1, le=65536, description="layers with a larger A or G are left to SGD")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from cnnwiz.training.kfac import Kfac

        return Kfac(
            groups,
            network,
            lr=self.lr,
            momentum=self.momentum,
            damping=self.damping,
            factor_decay=self.factor_decay,
            clip=self.clip,
            factor_every=self.factor_every,
            inverse_every=self.inverse_every,
            max_side=self.max_side,
        )


class Shampoo(Optimizer):
    """Shampoo: for each of a tensor's k axes L_i = eps * I + sum over all steps of G_i G_i^T, where G_i is the gradient
    unfolded along axis i; the step is G multiplied along each axis by L_i^(-1/(2k)). It has no momentum.

    Use: small and medium convolutional networks.

    Avoid: wide layers: each axis needs two matrices of its length squared (25088: 2.5 GB each).

    Cost: two matrices per axis, and their singular values at each update.
    """

    key = "shampoo"
    papers = ("arXiv:1802.09568",)

    eps: float = Field(default=1e-4, gt=0, le=100, description="initial value of L_i on its diagonal")
    update_every: int = Field(
        default=1, ge=1, le=10_000, description="steps between updates of the roots; no weight moves before the first"
    )

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from pytorch_optimizer import Shampoo

        return Shampoo(groups, lr=self.lr, matrix_eps=self.eps, preconditioning_compute_steps=self.update_every)


class Soap(Optimizer):
    """SOAP: Adam in the eigenvectors of Shampoo's matrices, along each axis of a tensor of two axes or more. The first
    step only fills these matrices and moves no weight. Weight decay is decoupled.

    Use: the first of the second-order methods to try.

    Avoid: a memory that only just holds the network.

    Cost: two copies of the weights, two matrices per axis, their QR decomposition every `update_every` steps.
    """

    key = "soap"
    papers = ("arXiv:2409.11321",)
    decoupled: ClassVar[bool] = True

    lr: float = Field(default=0.003, gt=0, le=100, description="learning rate at its highest")
    beta1: float = Field(default=0.95, ge=0, lt=1, description="memory of the mean gradient")
    beta2: float = Field(default=0.95, ge=0, lt=1, description="memory of squared gradients and of the matrices")
    eps: float = Field(default=1e-8, gt=0, le=1, description="added to the root of the second moment")
    update_every: int = Field(default=10, ge=1, le=10_000, description="steps between updates of the eigenvectors")
    max_side: int = Field(default=10_000, ge=1, le=65536, description="longer axes keep their own coordinates")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from pytorch_optimizer import SOAP

        return SOAP(
            groups,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            precondition_frequency=self.update_every,
            max_precondition_dim=self.max_side,
        )


class AdaHessian(Optimizer):
    """AdaHessian: Adam whose second moment is that of the Hessian's diagonal, estimated as z * Hz with random signs z
    and averaged over the positions of a kernel. Weight decay is decoupled.

    Use: small networks where curvature differs much between weights.

    Avoid: micro-batches, gradient clipping, less than float32: it differentiates the gradient once more.

    Cost: three extra copies of the weights, the graph of the gradient, and 3 to 8 times the time of an SGD step.
    """

    key = "adahessian"
    papers = ("arXiv:2006.00719",)
    decoupled: ClassVar[bool] = True
    create_graph: ClassVar[bool] = True
    full_precision: ClassVar[bool] = True

    lr: float = Field(default=0.15, gt=0, le=100, description="learning rate at its highest")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="memory of the mean gradient")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="memory of the mean squared diagonal")
    eps: float = Field(default=1e-4, gt=0, le=1, description="added to the root of the second moment")
    hessian_power: float = Field(default=1.0, gt=0, le=1, description="1 divides by the diagonal, 0.5 by its root")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from cnnwiz.training.adahessian import AveragedAdaHessian

        return AveragedAdaHessian(
            groups, lr=self.lr, betas=(self.beta1, self.beta2), eps=self.eps, hessian_power=self.hessian_power
        )


class Muon(Optimizer):
    """Muon: momentum, then the nearest orthogonal matrix (five Newton-Schulz steps) of each hidden weight, flattened to
    (filters, rest). The first layer, classifiers, depthwise and grouped filters, norms and biases get AdamW with
    `other_lr`. Weight decay is decoupled.

    Use: hidden convolutions and linear layers; a network with many of them.

    Avoid: networks of depthwise convolutions, where little is left for it.

    Cost: one extra copy of the hidden weights, two of the others, and 15 matrix products per weight and step.
    """

    key = "muon"
    papers = ("arXiv:2502.16982", "Jordan et al.: kellerjordan.github.io/posts/muon, 2024")
    conflicts = {"normalization.weight": "orthogonal directions say nothing about the lengths trained beside them"}
    decoupled: ClassVar[bool] = True
    matrices: ClassVar[bool] = True

    lr: float = Field(default=0.02, gt=0, le=100, description="learning rate of hidden weights at its highest")
    momentum: float = Field(default=0.95, ge=0, lt=1, description="share of the last step that is kept")
    nesterov: bool = Field(default=True, description="Nesterov's form of momentum")
    iterations: int = Field(default=5, ge=1, le=20, description="Newton-Schulz steps towards orthogonality")
    other_lr: float = Field(default=0.001, gt=0, le=100, description="learning rate of AdamW for all other weights")
    fixed_length: bool = Field(
        default=False,
        description="bring each hidden weight to the length sqrt(filters) before every step; only for weights whose "
        "length a norm behind them divides out",
    )

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from pytorch_optimizer import Muon

        factors = {True: 1.0, False: self.other_lr / self.lr}
        groups = [
            {
                **group,
                "use_muon": group["matrices"],
                "lr_factor": factors[group["matrices"]] * group.get("lr_factor", 1.0),
                "lr": self.lr,
            }
            for group in groups
        ]
        optimizer = Muon(groups, momentum=self.momentum, nesterov=self.nesterov, ns_steps=self.iterations)
        if self.fixed_length:
            optimizer.register_step_pre_hook(_fix_lengths)
        return optimizer


def _fix_lengths(optimizer: "TorchOptimizer", arguments: object, keywords: object) -> None:
    """Each hidden weight (filters, ...) to the length sqrt(filters), as that many rows of length 1 have."""
    from torch import no_grad

    with no_grad():
        for group in optimizer.param_groups:
            for weight in group["params"] if group["use_muon"] else ():
                weight.mul_(len(weight) ** 0.5 / weight.norm())


SECOND_ORDER: tuple[type[Optimizer], ...] = (Lbfgs, Kfac, Shampoo, Soap, AdaHessian, Muon)
