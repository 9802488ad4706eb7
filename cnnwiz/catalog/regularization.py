"""Regularization by penalty: what keeps weights small, and which weights it leaves alone."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice, Part

Role = Literal["norm", "bias", "depthwise", "classifier"]
NEVER_DECAYED = ("slope", "centre")
"""Roles that no penalty acts on: a slope of 0 would make PReLU a ReLU, class centres have an update of their own."""


class L2(Choice):
    """L2 penalty factor/2 * ||w||^2, as weight decay: through the gradient for sgd and adam, decoupled for adamw.

    Use: almost always with SGD: 5e-4 in AlexNet and VGG, 1e-4 in ResNet; decoupled about 0.01 to 0.05.

    Avoid: decay on norm scales and biases, which are skipped by default; with adam (take adamw).

    Cost: nothing worth counting.
    """

    section: ClassVar[str] = "regularization"
    key: ClassVar[str] = "l2"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1711.05101", "arXiv:1812.01187")
    evidence: ClassVar[tuple[str, ...]] = ("reg_wd_1e4",)
    conflicts: ClassVar[dict[str, str]] = {"optimizer.adam": "Adam divides the penalty away: take adamw"}

    factor: float = Field(default=5e-4, ge=0, le=10, description="strength; the gradient gains factor * w")
    skip: tuple[Role, ...] = Field(default=("norm", "bias"), description="roles of parameters that are not decayed")


class Regularization(Part):
    """Penalties on the weights; they may be combined."""

    l2: L2 | None = Field(default=None, description="L2 penalty (weight decay)")


PENALTIES: tuple[type[Choice], ...] = (L2,)
