"""Regularization by penalty: what keeps weights small, and which weights it leaves alone."""

from typing import Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice, Part

Role = Literal["norm", "bias", "depthwise", "classifier"]
NEVER_DECAYED = ("slope", "centre", "gate_bias")
"""Roles that no penalty acts on: a slope of 0 would make PReLU a ReLU, a gate bias of 0 a highway that no longer
carries, and class centres have an update of their own."""


class L2(Choice):
    """L2 penalty factor/2 * ||w||^2, as weight decay: part of the gradient, but decoupled from it for adamw, soap,
    adahessian and muon. For decoupled_sgd the factor is the share of a weight that a step takes away at the highest lr.

    Use: almost always with SGD: 5e-4 in AlexNet and VGG, 1e-4 in ResNet; decoupled about 0.01 to 0.05.

    Avoid: decay on norm scales and biases, which are skipped by default; with adam (take adamw).

    Cost: nothing worth counting.
    """

    section = "regularization"
    key = "l2"
    papers = ("arXiv:1711.05101", "arXiv:1812.01187")
    evidence = ("reg_wd_1e4",)
    conflicts = {"optimizer.adam": "Adam divides the penalty away: take adamw"}

    factor: float = Field(default=5e-4, ge=0, le=10, description="strength; the gradient gains factor * w")
    skip: tuple[Role, ...] = Field(default=("norm", "bias"), description="roles of parameters that are not decayed")


class L1(Choice):
    """L1 penalty factor * sum |w|, in the loss: every weight is pulled to zero with the same force, factor * sign(w).

    Use: to find out which weights matter, before pruning.

    Avoid: in place of an L2 penalty for accuracy (1.8 points less on CaffeNet); adam, which divides it away; expecting
    exact zeros, around which gradient steps only hover.

    Cost: one pass over the weights per step.
    """

    section = "regularization"
    key = "l1"
    papers = ("Tibshirani: J. R. Statist. Soc. B 58 (1996)",)
    evidence = ("reg_wd_l1_as_labelled",)
    conflicts = {
        "optimizer.adam": "Adam rescales the penalty weight by weight, and adamw too: it is part of the gradient"
    }

    factor: float = Field(default=1e-5, ge=0, le=10, description="strength; the gradient gains factor * sign(w)")
    skip: tuple[Role, ...] = Field(default=("norm", "bias"), description="roles of parameters that are not penalized")


class Lp(Choice):
    """Lp penalty factor * sum (|w| + eps)^p, in the loss (bridge regression; the sum itself, not its p-th root).

    Use: p between 1 and 2, as a compromise of lasso and ridge.

    Avoid: p below 1 without need: the force on small weights grows without bound but for eps.

    Cost: one power per weight and step.
    """

    section = "regularization"
    key = "lp"
    papers = ("Frank, Friedman: Technometrics 35 (1993)",)
    conflicts = {
        "optimizer.adam": "Adam rescales the penalty weight by weight, and adamw too: it is part of the gradient"
    }

    factor: float = Field(default=1e-5, ge=0, le=10, description="strength")
    p: float = Field(default=1.5, ge=0.5, le=2, description="exponent; 1 is the L1 penalty, 2 twice the L2 penalty")
    eps: float = Field(
        default=1e-8, gt=0, le=1, description="added to |w|; for p below 1 it keeps the gradient at 0 finite"
    )
    skip: tuple[Role, ...] = Field(default=("norm", "bias"), description="roles of parameters that are not penalized")


class Regularization(Part):
    """Penalties on the weights; they may be combined."""

    l2: L2 | None = Field(default=None, description="L2 penalty (weight decay)")
    l1: L1 | None = Field(default=None, description="L1 penalty")
    lp: Lp | None = Field(default=None, description="Lp penalty")


PENALTIES: tuple[type[Choice], ...] = (L2, L1, Lp)
