"""CNN414 turned-photos."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.distortion import Rotation
from cnnwiz.catalog.source import Cifar10, Cifar100, Imagenette
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import MEASURED_SIDE

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class TurnedPhotos(Rule):
    code = "CNN414"
    name = "turned-photos"
    severity = "warning"
    what = "Random rotation of photographs that have an up."
    why = (
        "Turning each training image by up to 5 degrees lost CaffeNet 2.3 points: test images are upright, and "
        "the corners that turn in are empty."
    )
    do = "Remove `rotation`."
    abstains = (
        "For sources whose images cnnwiz does not know, and at 0 degrees. With a norm, shortcuts or branches, and"
        " below 64 px, where nothing was measured, it is an info."
    )
    evidence = ("aug_rot5",)
    papers = ("arXiv:1606.02228",)
    good = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128}
        augment: [random_crop, horizontal_flip]
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {imagenette: {path: data}}, image_size: 128}
        augment: [rotation: {degrees: 5}]
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: {sgd: {lr: 0.005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if not isinstance(subject.spec.data.source, (Cifar10, Cifar100, Imagenette)):
            return
        measured = subject.side >= MEASURED_SIDE and subject.plain and not subject.normalized
        for index, step in enumerate(subject.spec.augment):
            if isinstance(step, Rotation) and step.degrees > 0:
                message = (
                    "turned photographs: up to 5 degrees lost CaffeNet 2.3 points (128 px, no norm); remove rotation"
                )
                yield subject.finding(self, message, ("augment", index, "rotation"), None if measured else "info")
