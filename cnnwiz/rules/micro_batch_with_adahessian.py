"""CNN319 micro-batch-with-adahessian."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class MicroBatchWithAdahessian(Rule):
    code = "CNN319"
    name = "micro-batch-with-adahessian"
    severity = "error"
    what = "Micro-batches with an optimizer that differentiates the gradient once more (AdaHessian)."
    why = (
        "Gradients of micro-batches are added up as numbers; what AdaHessian needs is a gradient that still knows "
        "how it came about."
    )
    do = "Remove `micro_batch`, or take another optimizer."
    abstains = "With other optimizers."
    papers = ("arXiv:2006.00719",)
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: adahessian
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: none, activation: elu}
          layers:
            - conv: {channels: 16}
        optimizer: adahessian
        training: {batch_size: 128, micro_batch: 64}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.spec.optimizer.create_graph and subject.spec.training.micro_batch is not None:
            message = f"{subject.spec.optimizer.key} needs the gradient of the whole batch at once; remove micro_batch"
            yield subject.finding(self, message, ("training", "micro_batch"))
