"""CNN340 head-of-one-size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.graph import Graph, wire_model
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class HeadOfOneSize(Rule):
    code = "CNN340"
    name = "head-of-one-size"
    severity = "error"
    what = "A phase at another image size, for a network that takes one size only."
    why = (
        "A linear layer on a flattened map has one weight for each of its values: with a larger image it would be"
        " another layer, and the trained weights would not fit."
    )
    do = "Write an `average` or `conv` head, or `adaptive_pool` in front of `flatten`."
    abstains = "Where all phases have the same size, and where the head averages."
    papers = ("arXiv:1411.4038",)
    good = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16, stride: 2}
        phases:
          - {epochs: 10, image_size: 24}
          - {epochs: 2, lr: 0.01}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        data: {source: {cifar10: {path: data}}}
        model:
          layers:
            - conv: {channels: 16}
            - pool: {kernel: 2, stride: 2, kind: max_plus_avg}
          head: flatten
        phases:
          - {epochs: 10, image_size: 24}
          - {epochs: 2, lr: 0.01}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        if subject.graph is None:
            return
        usual = _weights(subject.graph)
        for index, phase in enumerate(subject.spec.phases):
            for field, side in (("image_size", phase.image_size), ("grow_from", phase.grow_from)):
                if side is None or side == subject.side:
                    continue
                shape = (subject.graph.input[0], side, side)
                graph = wire_model(subject.spec.model, shape, subject.graph.classes, subject.spec.name)
                if graph.finding or _weights(graph) != usual:
                    message = (
                        f"this network fits {subject.side} px only: at {side} px other weights are needed; write an "
                        "average or "
                        "conv head"
                    )
                    yield subject.finding(self, message, ("phases", index, field))


def _weights(graph: Graph) -> list[tuple[int, ...]]:
    """The shapes of all weights, in order."""
    return [parameter.shape for node in graph.nodes for parameter in node.parameters.values()]
