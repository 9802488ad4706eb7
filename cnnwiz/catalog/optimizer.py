"""Optimizers: how a gradient becomes a change of the weights."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer as TorchOptimizer


class Rates(Choice):
    """Learning rates by the role of a parameter, each as a multiple of `lr`. What is not named has lr itself.

    Use: shifts of norms (64 in the fastest CIFAR-10 recipe), classifiers, fine-tuning of some roles (0 for the others).

    Avoid: large factors on norm scales that are trained; lbfgs, which has one step for all weights.

    Cost: nothing.
    """

    section = "optimizer"
    key = "rates"
    papers = ("arXiv:2404.00498",)

    bias: float = Field(default=1.0, ge=0, le=1e4, description="biases of convolutions and linear layers")
    norm: float = Field(default=1.0, ge=0, le=1e4, description="scales and shifts of norms")
    depthwise: float = Field(default=1.0, ge=0, le=1e4, description="filters of one channel each")
    classifier: float = Field(default=1.0, ge=0, le=1e4, description="weights of the last layer")

    def of(self, role: str) -> float:
        """The multiple for a parameter of this role."""
        return getattr(self, role) if role in Rates.model_fields else 1.0


class Optimizer(Choice):
    """An update rule. Weight decay is not here: it is `regularization.l2`, applied by parameter role."""

    section = "optimizer"
    decoupled: ClassVar[bool] = False
    """Whether weight decay acts on the weights directly instead of through the gradient."""
    closure: ClassVar[bool] = False
    """Whether a step evaluates the loss several times, so that all training images must be one batch."""
    create_graph: ClassVar[bool] = False
    """Whether a step differentiates the gradient once more."""
    full_precision: ClassVar[bool] = False
    """Whether it only works in float32, which `precision: auto` then means."""
    matrices: ClassVar[bool] = False
    """Whether it takes hidden weights as matrices and leaves everything else to another rule."""

    lr: float = Field(default=0.1, gt=0, le=100, description="learning rate at its highest")
    rates: Rates = Field(default=Rates(), description="learning rates of some roles, as multiples of lr")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        """The torch optimizer over parameter groups that each hold `params`, `weight_decay`, and `matrices` if it asks
        for that. A group may get an `lr_factor`, by which the learning rate of each step is multiplied."""
        raise NotImplementedError(f"{type(self).__name__}.build")


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum: v = momentum * v + g, w = w - lr * v; Nesterov looks one step ahead.
    Momentum 0 is plain gradient descent.

    Use: the default for convolutional networks trained from scratch; scale lr with the batch.

    Avoid: lr copied from another batch size: a quarter of the lr per image lost 5.2 points on CaffeNet.

    Cost: one extra copy of the weights (none at momentum 0).
    """

    key = "sgd"
    papers = ("Polyak 1964", "Sutskever et al.: ICML 2013")
    evidence = ("sol_nesterov", "bs1024_fixed_lr", "bs1024_scaled_lr")

    momentum: float = Field(default=0.9, ge=0, lt=1, description="share of the last step that is kept")
    nesterov: bool = Field(default=True, description="Nesterov's form of momentum")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch.optim import SGD

        from cnnwiz.training.eager import eager

        nesterov = self.nesterov and self.momentum > 0
        return eager(SGD)(groups, lr=self.lr, momentum=self.momentum, nesterov=nesterov, fused=fused)


class Momentum(Optimizer):
    """Gradient descent with (heavy-ball) momentum: v = momentum * v + g, w = w - lr * v.

    Use: reproducing a published recipe that says "momentum 0.9".

    Avoid: another framework's lr after it has changed during training: Caffe multiplies g by lr before it adds to v.

    Cost: one extra copy of the weights.
    """

    key = "momentum"
    papers = ("Polyak: USSR Comput. Math. 1964",)

    momentum: float = Field(default=0.9, gt=0, lt=1, description="share of the last step that is kept")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch.optim import SGD

        from cnnwiz.training.eager import eager

        return eager(SGD)(groups, lr=self.lr, momentum=self.momentum, fused=fused)


class Nesterov(Optimizer):
    """Gradient descent with Nesterov's momentum: v = momentum * v + g, w = w - lr * (g + momentum * v).

    Use: wherever momentum is used; what `sgd` does unless it is told otherwise.

    Avoid: reproducing a recipe with plain momentum.

    Cost: one extra copy of the weights.
    """

    key = "nesterov"
    papers = ("Sutskever et al.: ICML 2013",)
    evidence = ("sol_nesterov",)

    momentum: float = Field(default=0.9, gt=0, lt=1, description="share of the last step that is kept")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch.optim import SGD

        from cnnwiz.training.eager import eager

        return eager(SGD)(groups, lr=self.lr, momentum=self.momentum, nesterov=True, fused=fused)


class DecoupledSgd(Optimizer):
    """Nesterov SGD in units that can be changed one at a time: lr is the whole way on which one gradient moves a
    weight, momentum included, and `l2.factor` the share of a weight that a step takes away at the highest lr. It is
    `sgd` with lr * (1 - momentum) and factor / lr.

    Use: tuning lr, momentum and decay of short trainings one after the other.

    Avoid: numbers from recipes written for `sgd`: an lr of 0.1 at momentum 0.9 is 1.0 here.

    Cost: one extra copy of the weights.
    """

    key = "decoupled_sgd"
    papers = ("arXiv:2404.00498", "arXiv:1711.05101")

    lr: float = Field(default=1.0, gt=0, le=1000, description="way of a weight for a gradient of 1, at its highest")
    momentum: float = Field(default=0.85, ge=0, lt=1, description="share of the last step that is kept")
    nesterov: bool = Field(default=True, description="Nesterov's form of momentum")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch.optim import SGD

        from cnnwiz.training.eager import eager

        left = 1 - self.momentum
        units = []
        for group in groups:
            way = self.lr * group.get("lr_factor", 1.0)
            decay = group["weight_decay"] / way if way else 0.0
            units.append({**group, "lr_factor": left * group.get("lr_factor", 1.0), "weight_decay": decay})
        nesterov = self.nesterov and self.momentum > 0
        return eager(SGD)(units, lr=self.lr * left, momentum=self.momentum, nesterov=nesterov, fused=fused)


class Adam(Optimizer):
    """Adam: steps scaled per weight by running means of the gradient and of its square.

    Use: quick first results, sparse gradients, small data; lr about 0.001.

    Avoid: L2 regularization, which it divides away (take adamw); CaffeNet did not start at nine settings of it.

    Cost: two extra copies of the weights.
    """

    key = "adam"
    papers = ("arXiv:1412.6980",)
    evidence = ("sol_adam_all",)
    conflicts = {
        "regularization.l2": "the penalty is divided by the root of the second moment and hardly acts: take adamw"
    }

    lr: float = Field(default=0.001, gt=0, le=100, description="learning rate at its highest")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="memory of the mean gradient")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="memory of the mean squared gradient")
    eps: float = Field(default=1e-8, gt=0, le=1, description="added to the root of the second moment")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch.optim import Adam

        from cnnwiz.training.eager import eager

        return eager(Adam)(groups, lr=self.lr, betas=(self.beta1, self.beta2), eps=self.eps, fused=fused)


class AdamW(Optimizer):
    """Adam with decoupled weight decay: w = w - lr * (step + factor * w).

    Use: Adam with regularization; fine-tuning.

    Avoid: expecting more than well-tuned SGD gives on a plain convolutional network.

    Cost: two extra copies of the weights.
    """

    key = "adamw"
    papers = ("arXiv:1711.05101",)
    decoupled: ClassVar[bool] = True

    lr: float = Field(default=0.001, gt=0, le=100, description="learning rate at its highest")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="memory of the mean gradient")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="memory of the mean squared gradient")
    eps: float = Field(default=1e-8, gt=0, le=1, description="added to the root of the second moment")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch.optim import AdamW

        from cnnwiz.training.eager import eager

        return eager(AdamW)(groups, lr=self.lr, betas=(self.beta1, self.beta2), eps=self.eps, fused=fused)


class RmsProp(Optimizer):
    """RMSProp: the gradient divided by a running root mean square: v = decay * v + (1 - decay) * g^2,
    w = w - lr * g / (sqrt(v) + eps).

    Use: reproducing Inception v2 and v3 or MobileNet, which were trained with it and momentum 0.9.

    Avoid: without a recipe: adam adds the correction of the first steps; lr as for sgd is far too large.

    Cost: one extra copy of the weights, two with momentum.
    """

    key = "rmsprop"
    papers = ("Tieleman, Hinton: COURSERA lecture 6.5, 2012",)

    lr: float = Field(default=0.001, gt=0, le=100, description="learning rate at its highest")
    decay: float = Field(default=0.9, ge=0, lt=1, description="memory of the mean squared gradient")
    momentum: float = Field(default=0.0, ge=0, lt=1, description="share of the last step that is kept")
    eps: float = Field(default=1e-8, gt=0, le=10, description="added to the root of the second moment")

    def build(self, groups: list[dict[str, Any]], network: "nn.Module", fused: bool) -> "TorchOptimizer":
        from torch.optim import RMSprop

        from cnnwiz.training.eager import eager

        return eager(RMSprop)(groups, lr=self.lr, alpha=self.decay, momentum=self.momentum, eps=self.eps)


OPTIMIZERS: tuple[type[Optimizer], ...] = (Sgd, Momentum, Nesterov, DecoupledSgd, Adam, AdamW, RmsProp)
