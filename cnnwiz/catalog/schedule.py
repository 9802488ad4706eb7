"""Schedules: the learning rate as a pure function of how far training has come. Nothing to save, nothing to restore."""

import math
from typing import Annotated, Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice


class Schedule(Choice):
    """The learning rate over training, as a factor of the optimizer's `lr`."""

    section = "schedule"

    warmup_epochs: float = Field(default=0.0, ge=0, le=1000, description="epochs over which lr rises linearly from 0")

    def factor(self, epoch: float, epochs: int) -> float:
        """lr / optimizer.lr after `epoch` of `epochs` epochs (fractions count), warm-up included."""
        warmup = min(self.warmup_epochs, float(epochs))
        if epoch < warmup:
            return epoch / warmup
        return self.decay((epoch - warmup) / (epochs - warmup) if epochs > warmup else 1.0)

    def decay(self, progress: float) -> float:
        """The factor after warm-up, for progress 0 to 1."""
        raise NotImplementedError(f"{type(self).__name__}.decay")


class LinearDecay(Schedule):
    """Linear decay: lr falls by the same amount at every step, to `final` of itself at the end.

    Use: the default when the number of epochs is fixed: +2.2 points over steps on CaffeNet.

    Avoid: stopping early: it is behind steps for most of training and wins in the last eighth.

    Cost: nothing.
    """

    key = "linear"
    papers = ("arXiv:1606.02228",)
    evidence = ("lr_linear", "lr_linear_160k", "lr_linear_280k_graph")

    final: float = Field(default=0.0, ge=0, le=1, description="share of lr left at the end")

    def decay(self, progress: float) -> float:
        return 1 - (1 - self.final) * progress


class StepDecay(Schedule):
    """Step decay: lr is multiplied by `gamma` at each milestone.

    Use: reproducing a published recipe.

    Avoid: as the plain default: linear decay gained 2.2 points over it on CaffeNet.

    Cost: nothing.
    """

    key = "step"
    evidence = ("lr_linear",)

    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5, 0.75),
        min_length=1,
        max_length=100,
        description="shares of training (after warm-up) at which lr drops",
    )
    gamma: float = Field(default=0.1, gt=0, lt=1, description="factor at each milestone")

    def decay(self, progress: float) -> float:
        return self.gamma ** sum(progress >= milestone for milestone in self.milestones)


class CosineDecay(Schedule):
    """Cosine decay: lr follows half a cosine from 1 to `final` of itself.

    Use: as linear; it stays high longer and ends more gently.

    Avoid: stopping early, as with linear.

    Cost: nothing.
    """

    key = "cosine"
    papers = ("arXiv:1608.03983",)

    final: float = Field(default=0.0, ge=0, le=1, description="share of lr left at the end")

    def decay(self, progress: float) -> float:
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2


class PolynomialDecay(Schedule):
    """Polynomial decay: lr = final + (1 - final) * (1 - progress)^power of itself; power 1 is linear decay.

    Use: published recipes (power 0.9 in segmentation, 0.5 in GoogLeNet's quick solver).

    Avoid: as the default: powers 0.5 and 2 gained 1.2 points over steps on CaffeNet, power 1 gained 2.2.

    Cost: nothing.
    """

    key = "polynomial"
    papers = ("arXiv:1606.02228",)
    evidence = ("lr_poly_sqrt", "lr_poly_sqr", "lr_linear")

    power: float = Field(default=2.0, gt=0, le=10, description="exponent; below 1 lr stays high for longer")
    final: float = Field(default=0.0, ge=0, le=1, description="share of lr left at the end")

    def decay(self, progress: float) -> float:
        return self.final + (1 - self.final) * (1 - progress) ** self.power


class ExponentialDecay(Schedule):
    """Exponential decay: lr falls by the same factor at every step, to `final` of itself at the end: final^progress.

    Use: published recipes (Inception, MobileNet, EfficientNet).

    Avoid: as the default: 2.5 points behind linear decay on CaffeNet at equal length.

    Cost: nothing.
    """

    key = "exponential"
    evidence = ("lr_exp_160k",)

    final: float = Field(default=0.01, gt=0, le=1, description="share of lr left at the end")

    def decay(self, progress: float) -> float:
        return self.final**progress


class OneCycle(Schedule):
    """One cycle: lr rises from `start` to 1 of itself during the first `rise` of training, then falls to `final`, each
    along half a cosine or along a straight line (triangle). Momentum stays what it is.

    Use: short trainings with a high lr.

    Avoid: together with warm-up, which it contains.

    Cost: nothing.
    """

    key = "one_cycle"
    papers = ("arXiv:1708.07120", "arXiv:1506.01186")

    rise: float = Field(default=0.3, gt=0, lt=1, description="share of training during which lr rises")
    start: float = Field(default=0.04, ge=0, le=1, description="share of lr at the beginning")
    final: float = Field(default=0.0, ge=0, le=1, description="share of lr left at the end")
    shape: Literal["cosine", "linear"] = Field(default="cosine", description="curved, or a triangle")

    def decay(self, progress: float) -> float:
        rising = progress < self.rise
        low = self.start if rising else self.final
        distance = progress / self.rise if rising else (1 - progress) / (1 - self.rise)
        height = distance if self.shape == "linear" else (1 - math.cos(math.pi * distance)) / 2
        return low + (1 - low) * height


class Constant(Schedule):
    """The same lr at every step (behind the warm-up).

    Use: L-BFGS, whose line search finds its own step; finding out which lr is too high; short checks.

    Avoid: the final result: most of what a schedule gains comes from the small steps at its end.

    Cost: nothing.
    """

    key = "constant"

    def decay(self, progress: float) -> float:
        return 1.0


SCHEDULES: tuple[type[Schedule], ...] = (
    LinearDecay,
    PolynomialDecay,
    StepDecay,
    ExponentialDecay,
    CosineDecay,
    OneCycle,
    Constant,
)
