"""CNN601 batch-beyond-memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

MOST = 80e9  # bytes


class BatchBeyondMemory(Rule):
    code = "CNN601"
    name = "batch-beyond-memory"
    severity = "warning"
    what = "A batch whose activations fill more than 80 GB."
    why = (
        "Training keeps what every operation gives until the backward pass has used it: batch times the bytes "
        "that `cnnwiz summary` shows, half of that in bfloat16. 80 GB is what the largest common GPUs hold."
    )
    do = "Write `micro_batch`: gradients of parts add up to those of the batch."
    abstains = "With a `micro_batch` that fits. Weights, gradients and the optimizer's copies come on top."
    good = (
        """\
        cnnwiz: 1
        data: {image_size: 224}
        model:
          layers:
            - conv: {channels: 64, repeat: 20}
            - repeat: {times: 6, layers: [conv: {channels: 64, stride: 2}]}
        training: {batch_size: 256, micro_batch: 32}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {image_size: 224}
        model:
          layers:
            - conv: {channels: 64, repeat: 20}
            - repeat: {times: 6, layers: [conv: {channels: 64, stride: 2}]}
        training: {batch_size: 256}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        training = subject.spec.training
        if subject.graph is None:
            return
        images = training.micro_batch or training.batch_size
        width = 0.5 if training.precision in ("auto", "bfloat16", "float16") else 1.0
        size = width * images * subject.graph.activation_bytes
        if size > MOST:
            fitting = max(int(images * MOST / size / 2), 1)
            while fitting > 1 and training.batch_size % fitting:
                fitting -= 1
            key = "micro_batch" if training.micro_batch else "batch_size"
            message = (
                f"activations of {images} images fill {size / 1e9:.0f} GB, more than the largest common GPUs hold; "
                "write "
                f"micro_batch: {fitting}"
            )
            yield subject.finding(self, message, ("training", key))
