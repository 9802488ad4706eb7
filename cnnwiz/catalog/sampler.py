"""Samplers: which images meet in a batch."""

from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from cnnwiz.catalog.choice import Choice

if TYPE_CHECKING:
    from cnnwiz.data.sampling import Sample


class Sampler(Choice):
    """How an epoch is cut into batches."""

    section = "sampler"

    def build(self) -> "Sample":
        """A function from (labels, batch_size, seed, epoch) to the batches of the epoch, arrays of indices."""
        raise NotImplementedError(f"{type(self).__name__}.build")


class Shuffle(Sampler):
    """Every image once an epoch, in random order; what is left after the last full batch waits for another epoch.

    Use: the default.

    Avoid: losses that compare images of one class within the batch (triplet).

    Cost: nothing.
    """

    key = "shuffle"

    def build(self) -> "Sample":
        from cnnwiz.data.sampling import shuffled

        return shuffled


class PK(Sampler):
    """P x K: batches of `classes` classes with `images` images each. Classes with more images come more often; a class
    with less than `images` repeats them.

    Use: the triplet loss, which needs positives and negatives in each batch.

    Avoid: losses that look at one image at a time: batches of few classes give batch norm biased statistics.

    Cost: nothing.
    """

    key = "pk"
    papers = ("arXiv:1703.07737",)

    classes: int = Field(default=32, ge=2, le=4096, description="different classes in a batch (P)")
    images: int = Field(default=4, ge=2, le=4096, description="images of each (K); P * K is training.batch_size")

    def build(self) -> "Sample":
        from cnnwiz.data.sampling import classes_by_images

        return partial(classes_by_images, self.classes, self.images)


SAMPLERS: tuple[type[Sampler], ...] = (Shuffle, PK)
