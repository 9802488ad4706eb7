"""How many images and steps a training has, where that is known without decoding an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnwiz.catalog.source import Cifar10, Cifar100, Digits, FashionMnist, Flowers102, Imagenette, Mnist, Source
from cnnwiz.spec.stages import stages

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Spec
    from cnnwiz.spec.finding import Path

GIVEN: dict[type[Source], tuple[int, int]] = {
    Digits: (1_438, 0),
    Cifar10: (50_000, 0),
    Cifar100: (50_000, 0),
    Mnist: (60_000, 0),
    FashionMnist: (60_000, 0),
    Imagenette: (9_469, 3_925),
    Flowers102: (1_020, 1_020),
}
"""Images that each source gives for training and for validation; where there are none of the latter, some of the former
are set aside."""


def training_images(subject: Subject) -> int | None:
    """Images that are trained on; None where they cannot be counted, or are set aside by class."""
    given = _given(subject)
    if given is None or subject.spec.data.split == "classes":
        return None
    return given[0] if given[1] else given[0] - _set_aside(subject, given[0])


def validation_images(subject: Subject) -> int | None:
    """Images for validation; None where they cannot be counted, or are set aside by class."""
    given = _given(subject)
    if given is None or subject.spec.data.split == "classes":
        return None
    return given[1] or _set_aside(subject, given[0])


def training_steps(subject: Subject) -> int | None:
    """Steps of the whole training, all phases together; None where the images cannot be counted."""
    images = training_images(subject)
    if images is None:
        return None
    parts = [stage.training for stage in stages(subject.spec)]
    return sum(part.epochs * max(images // part.batch_size, 1) for part in parts)


def batches(spec: Spec) -> list[tuple[Path, int, int | None]]:
    """(where it is said, images per step, images in memory at once or None) of the training and of each phase that
    changes one of the two."""
    training = spec.training
    found: list[tuple[Path, int, int | None]] = [(("training",), training.batch_size, training.micro_batch)]
    for index, phase in enumerate(spec.phases):
        if phase.batch_size or phase.micro_batch:
            batch, micro = phase.batch_size or training.batch_size, phase.micro_batch or training.micro_batch
            found.append((("phases", index), batch, micro))
    return found


def _given(subject: Subject) -> tuple[int, int] | None:
    """Images (for training, for validation) that the source holds."""
    if subject.listing is None:
        return GIVEN.get(type(subject.spec.data.source))
    validation = subject.listing.splits.get("validation", {})
    return sum(map(len, subject.listing.train.values())), sum(map(len, validation.values()))


def _set_aside(subject: Subject, images: int) -> int:
    """About as many as are set aside of so many; each class is rounded by itself."""
    return round(subject.spec.data.validation.fraction * images)
