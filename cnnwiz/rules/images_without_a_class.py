"""CNN132 images-without-a-class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.auxiliary import Auxiliary
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding
    from cnnwiz.spec.finding import Path


class ImagesWithoutAClass(Rule):
    code = "CNN132"
    name = "images-without-a-class"
    severity = "error"
    what = "Task detect with batches or splits by class, or with an auxiliary head."
    why = "An image with several objects has no one class to sort it by, and none that an auxiliary head could learn."
    do = "Leave out `sampler: pk`, `split: classes` and auxiliary heads."
    abstains = "For auxiliary heads inside of other layers; training refuses them, too."
    good = (
        """\
        cnnwiz: 1
        task: detect
        data: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}
        model:
          layers:
            - conv: {channels: 16}
          head: detection
        loss: fcos
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        task: detect
        data:
          source: {pascal_voc: {path: cells}}
          classes: 3
          image_size: 160
          split: classes
        model:
          layers:
            - conv: {channels: 16}
            - auxiliary
            - conv: {channels: 16}
          head: detection
        loss: fcos
        training:
          sampler: {pk: {classes: 8, images: 16}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        spec = subject.spec
        if spec.task != "detect":
            return
        culprits: list[tuple[str, Path]] = []
        if spec.training.sampler.key == "pk":
            culprits.append(("sampler: pk", ("training", "sampler")))
        if spec.data.split == "classes":
            culprits.append(("split: classes", ("data", "split")))
        for index, layer in enumerate(spec.model.layers):
            if isinstance(layer, Auxiliary):
                culprits.append(("an auxiliary head", ("model", "layers", index, "auxiliary")))
        for what, path in culprits:
            message = f"{what} needs one class for each image, which images with boxes do not have; leave it out"
            yield subject.finding(self, message, path)
