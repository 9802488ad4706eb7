"""A phase: a stretch of one training that changes size, epochs, rate, augmentation, batch or what is trained."""

from typing import Annotated, Literal

from pydantic import Field

from cnnwiz.catalog.augmentation import Augmentation
from cnnwiz.catalog.choice import Part
from cnnwiz.catalog.schedule import Schedule

Side = Annotated[int, Field(ge=1, le=4096)]


class Phase(Part):
    """What is different in one stretch of training; every other key of the spec holds on.

    Weights, momentum and averages go on from the phase before; the schedule begins anew and ends with the phase.
    """

    epochs: int | None = Field(
        default=None, ge=1, le=100_000, description="passes over the training images; default: training.epochs"
    )
    image_size: Side | None = Field(
        default=None, description="side of the training images in pixels; default: data.image_size"
    )
    grow_from: Side | None = Field(
        default=None, description="side in the first epoch; it grows evenly to image_size, reached in the last"
    )
    lr: float | None = Field(
        default=None, gt=0, le=100, description="learning rate at its highest; default: that of the optimizer"
    )
    schedule: Schedule | None = Field(
        default=None, description="the learning rate over this phase; default: the spec's schedule, from its beginning"
    )
    augment: tuple[Augmentation, ...] | None = Field(
        default=None, max_length=32, description="random changes to training images instead of those of the spec"
    )
    batch_size: int | None = Field(
        default=None, ge=1, le=65536, description="images per step; default: training.batch_size"
    )
    micro_batch: int | None = Field(
        default=None, ge=1, le=65536, description="images in memory at once; default: training.micro_batch"
    )
    freeze: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="lines of model.layers, from the first, whose weights and statistics stay as they are",
    )
    statistics: Literal["renew", "keep"] = Field(
        default="renew",
        description="of batch norm where a phase begins at another size: measured anew on training images, or kept",
    )
