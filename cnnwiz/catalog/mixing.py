"""Augmentations that mix the images of a batch, and their labels with them."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from cnnwiz.catalog.augmentation import Augmentation, Probability

if TYPE_CHECKING:
    from torch import Tensor

    from cnnwiz.catalog.augmentation import Draw

ROUNDS = 24  # pairs of numbers: each is refused with at most one half, so all of them with 1 in 16 million
HARD = "needs one class for each image"


class Mixing(Augmentation):
    """What mixup and cutmix share: the partner of an image is the one before it in the (shuffled) batch, and its share
    lambda is drawn from Beta(alpha, alpha), for each image by itself."""

    conflicts: ClassVar[dict[str, str]] = {
        "loss.hinge": HARD,
        "loss.triplet": HARD,
        "loss.center": HARD,
        "loss.a_softmax": HARD,
    }

    alpha: float = Field(
        default=1.0, ge=0.05, le=1, description="parameter of Beta(alpha, alpha); 1 is uniform, smaller ones mix less"
    )
    probability: Probability = Field(default=1.0, description="share of the images that are mixed")

    def mix(self, images: "Tensor", targets: "Tensor", draw: "Draw") -> "tuple[Tensor, Tensor]":
        """Mixed images (B, C, H, W) and the probabilities of their classes, float (B, K)."""
        raise NotImplementedError(f"{type(self).__name__}.mix")

    def apply(self, images: "Tensor", draw: "Draw", side: int) -> "Tensor":
        return self.mix(images, images.new_zeros(len(images), 0).float(), draw)[0]

    def own_share(self, numbers: "Tensor") -> "Tensor":
        """Uniform numbers (B, 1 + 2 * ROUNDS) as the share (B,) of each image in its mixture; 1 where it stays."""
        # Johnk: x / (x + y), x = u^(1/a), y = v^(1/a), is Beta(a, a) given x + y <= 1; small a makes tiny powers.
        powers = (numbers[:, 1:].double() + 2**-25) ** (1 / self.alpha)
        first, second = powers[:, :ROUNDS], powers[:, ROUNDS:]
        taken = (first + second <= 1).byte().argmax(1, keepdim=True)
        first, second = first.gather(1, taken)[:, 0], second.gather(1, taken)[:, 0]
        share = (first / (first + second)).float()
        return share.where(numbers[:, 0] < self.probability, 1.0)


class Mixup(Mixing):
    """x = lambda * x_i + (1 - lambda) * x_j for two images of the batch, and their labels alike; lambda ~ Beta(alpha,
    alpha), j the image before i.

    Use: overfitting, noisy labels, probabilities that should be calibrated. 0.2 for ImageNet, 1 for CIFAR.

    Avoid: small networks that underfit; losses that need one class for each image; label smoothing beside it.

    Cost: 5 microseconds an image of 32 px on one core. The accuracy on training images counts the larger share only.
    """

    key: ClassVar[str] = "mixup"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1710.09412",)

    alpha: float = Field(
        default=0.2, ge=0.05, le=1, description="parameter of Beta(alpha, alpha); 1 is uniform, smaller ones mix less"
    )

    def mix(self, images: "Tensor", targets: "Tensor", draw: "Draw") -> "tuple[Tensor, Tensor]":
        from cnnwiz.data.distort import like

        share = self.own_share(draw(1 + 2 * ROUNDS))
        own = share[:, None, None, None]
        x = images.float()
        mixed = like(own * x + (1 - own) * x.roll(1, 0), images)
        return mixed, share[:, None] * targets + (1 - share[:, None]) * targets.roll(1, 0)


class Cutmix(Mixing):
    """A box of the image before it in the batch is pasted into each image, with the area share 1 - lambda before it is
    clipped at the edge; lambda ~ Beta(alpha, alpha). Labels are weighted by the pixels of each image in the result.

    Use: as mixup, and where objects should be recognized by their parts.

    Avoid: objects smaller than the box; crops, turns and erasing behind it, which falsify the weights.

    Cost: 5 microseconds an image of 32 px on one core. The accuracy on training images counts the larger share only.
    """

    key: ClassVar[str] = "cutmix"
    papers: ClassVar[tuple[str, ...]] = ("arXiv:1905.04899",)
    conflicts: ClassVar[dict[str, str]] = {
        **Mixing.conflicts,
        "augmentation.random_erasing": "both remove regions; keep one",
    }

    def mix(self, images: "Tensor", targets: "Tensor", draw: "Draw") -> "tuple[Tensor, Tensor]":
        import torch

        numbers = draw(3 + 2 * ROUNDS)
        ratio = (1 - self.own_share(numbers[:, 2:])).sqrt() / 2
        inside = []
        for number, size in zip(numbers[:, :2].unbind(1), images.shape[:1:-1], strict=True):
            middle, half = (number * size).floor(), (ratio * size).floor()
            place = torch.arange(size, device=images.device)
            inside.append((place >= (middle - half)[:, None]) & (place < (middle + half)[:, None]))
        columns, rows = inside
        pasted = rows[:, :, None] & columns[:, None, :]
        share = pasted.float().mean((1, 2))[:, None]
        mixed = torch.where(pasted[:, None], images.roll(1, 0), images)
        mixed = mixed.contiguous(memory_format=torch.channels_last)
        return mixed, (1 - share) * targets + share * targets.roll(1, 0)


MIXINGS: tuple[type[Augmentation], ...] = (Mixup, Cutmix)
