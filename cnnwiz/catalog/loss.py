"""Losses: what training makes small."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from cnnwiz.nn import losses

CLASSIFY = "classify"
EMBED = "embed"
DETECT = "detect"


class Loss(Choice):
    """A scalar to minimize, from class numbers (B,) and scores (B, K), or embeddings (B, features) for task embed, or
    boxes (B, M, 5) and a map (B, K + 5, H, W) for task detect."""

    section = "loss"
    tasks: ClassVar[tuple[str, ...]] = (CLASSIFY,)
    """The values of the spec's `task` it can be trained for."""
    soft: ClassVar[bool] = False
    """Whether it also takes the probabilities of the classes (B, K) in place of their numbers, as mixed images have."""

    def build(self, classes: int, features: int | None = None) -> "losses.Loss":
        """A module that maps (outputs, labels) to the mean loss of the batch. What it owns beside the network is filled
        from torch's random numbers. `features`: length of the embeddings, None where the outputs are scores."""
        raise NotImplementedError(f"{type(self).__name__}.build")


class CrossEntropy(Loss):
    """Softmax cross-entropy: L = -log softmax(s)_y; with label smoothing e the target is 1 - e + e/K for the true class
    and e/K for each other one. For task embed a linear layer of the loss turns embeddings into scores.

    Use: the default for one label per image.

    Avoid: a softmax or sigmoid in the network: the loss takes raw scores.

    Cost: nothing worth counting; for task embed features * classes weights while training.
    """

    key = "cross_entropy"
    papers = ("arXiv:1512.00567",)
    tasks = (CLASSIFY, EMBED)
    soft = True

    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of the target spread evenly over all classes"
    )

    def build(self, classes: int, features: int | None = None) -> "losses.CrossEntropy":
        from cnnwiz.nn.losses import CrossEntropy

        return CrossEntropy(classes, features, self.label_smoothing)


class Hinge(Loss):
    """Multi-class hinge loss: L = sum over j != y of max(0, s_j - s_y + margin)^power.

    Use: few classes, a margin wanted, outliers among the labels.

    Avoid: where probabilities are needed; very many classes (the sum grows with them); mixup, cutmix, label smoothing.

    Cost: nothing worth counting.
    """

    key = "hinge"
    papers = ("Weston, Watkins: ESANN 1999",)

    margin: float = Field(default=1.0, gt=0, le=100, description="distance (delta) the true class must keep")
    power: Literal[1, 2] = Field(default=1, description="2 gives the squared hinge")

    def build(self, classes: int, features: int | None = None) -> "losses.Loss":
        from cnnwiz.nn.losses import Hinge

        return Hinge(classes, self.margin, self.power)


class Triplet(Loss):
    """Triplet loss: L = max(0, d(a, p) - d(a, n) + margin), d the squared distance of embeddings brought to length 1,
    for an image a, one p of its class and one n of another. Semi-hard mining takes every triplet of the batch with
    d(a, p) < d(a, n) < d(a, p) + margin; batch-hard the farthest p and the nearest n of each a.

    Use: verification and retrieval of classes that training never sees; many classes with few images each.

    Avoid: a fixed set of classes (take cross_entropy); batch-hard mining from the first step, which can draw all
    embeddings into one point; batches with few classes.

    Cost: time and memory grow with the cube of the batch: 2 MB for 128 images, 134 MB for 512.
    """

    key = "triplet"
    papers = ("arXiv:1503.03832", "arXiv:1703.07737")
    tasks = (EMBED,)
    conflicts = {"sampler.shuffle": "shuffled batches of many classes hold hardly a pair of one class: take pk"}

    margin: float = Field(default=0.2, gt=0, le=4, description="by how much another class must be farther away")
    mining: Literal["semi_hard", "batch_hard"] = Field(
        default="semi_hard", description="which triplets of a batch count"
    )

    def build(self, classes: int, features: int | None = None) -> "losses.Loss":
        from cnnwiz.nn.losses import Triplet

        return Triplet(self.margin, self.mining)


class Center(Loss):
    """Center loss with softmax: L = cross-entropy of a linear layer + weight/2 * mean ||x - c_y||^2. The centre of a
    class follows its embeddings: c = c + alpha * sum(x - c) / (1 + n) over the n of the batch.

    Use: verification with the ease of softmax training: classes become compact as well as separable.

    Avoid: weights of a size that suits other embeddings: the penalty grows with the square of their length.

    Cost: twice features * classes values while training, half of them trained.
    """

    key = "center"
    papers = ("Wen, Zhang, Li, Qiao: ECCV 2016",)
    tasks = (EMBED,)

    weight: float = Field(default=0.003, ge=0, le=100, description="of the centre term (lambda); 0 is plain softmax")
    alpha: float = Field(default=0.5, gt=0, le=1, description="share of the way that a centre moves at each step")

    def build(self, classes: int, features: int | None = None) -> "losses.Center":
        from cnnwiz.nn.losses import Center

        assert features, "embeddings have a length"
        return Center(classes, features, self.weight, self.alpha)


class ASoftmax(Loss):
    """Angular softmax (SphereFace): cross-entropy of |x| cos t_j, t_j the angle to a class's weight of length 1; no
    bias. The true class's cos t becomes (l * cos t + psi(t)) / (1 + l), psi(t) = (-1)^k cos(m t) - 2k, and
    l = max(floor, base * (1 + gamma * step)^-power) falls while training.

    Use: recognition of people or things that training never sees, from many classes.

    Avoid: few classes or few images a class; less than about 2,000 steps without a larger gamma: the margin only comes
    as l falls.

    Cost: features * classes weights while training.
    """

    key = "a_softmax"
    papers = ("arXiv:1704.08063",)
    tasks = (EMBED,)

    m: int = Field(default=4, ge=1, le=8, description="multiple of the angle; 1 is softmax on the sphere, no margin")
    base: float = Field(default=1000.0, ge=100, le=1e9, description="l at the first step")
    gamma: float = Field(default=0.12, gt=0, le=100, description="how fast l falls with the steps")
    power: float = Field(default=1.0, gt=0, le=10, description="exponent of its fall")
    floor: float = Field(default=5.0, ge=0, le=50, description="l falls no lower")

    def build(self, classes: int, features: int | None = None) -> "losses.ASoftmax":
        from cnnwiz.nn.losses import ASoftmax

        assert features, "embeddings have a length"
        return ASoftmax(classes, features, self.m, self.base, self.gamma, self.power, self.floor)


LOSSES: tuple[type[Loss], ...] = (CrossEntropy, Hinge, Triplet, Center, ASoftmax)
