"""CNN252 keras-momentum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.normalization import BatchNorm
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

HALF = 0.5


class KerasMomentum(Rule):
    code = "CNN252"
    name = "keras-momentum"
    severity = "warning"
    structural = True
    what = "A momentum of batch norm of 0.5 or more."
    why = (
        "Here, as in PyTorch, momentum is the weight of the newest batch in the running statistics. Keras and "
        "Caffe write the weight of the old ones: their 0.9 is 0.1 here. With 0.9 evaluation uses hardly more than"
        " the last batch."
    )
    do = "Write one minus the number: 0.1 for 0.9, 0.01 for 0.99."
    abstains = "Below 0.5."
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: {batch: {momentum: 0.1}}}
          layers:
            - conv: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {norm: {batch: {momentum: 0.9}}}
          layers:
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        found = [n for n in subject.norms if isinstance(op := n.operation, BatchNorm) and op.momentum >= HALF]
        for place in dict.fromkeys(subject.origin(node, "norm") for node in found):
            momentum = max(op.momentum for node in found if isinstance(op := node.operation, BatchNorm))
            message = (
                f"momentum {momentum:g} is the weight of the newest batch (in Keras and Caffe that of the old ones): "
                "evaluation "
                f"would follow the last batches; write {1 - momentum:.2g}"
            )
            yield subject.finding(self, message, place)
