"""A graph in numbers: every operation, as the JSON of `cnnwiz summary`, and line by line of its spec."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnwiz.catalog.operation import Shape
from cnnwiz.errors import CnnwizError
from cnnwiz.graph.graph import Graph, Node
from cnnwiz.graph.wire import graph_of
from cnnwiz.spec.document import Model, Spec
from cnnwiz.spec.finding import Path


class Line(NamedTuple):
    """What a line of the model becomes: a layer with all its repeats, an input transform, or the head."""

    path: Path
    output: Shape
    parameters: int
    macs: int
    receptive_field: tuple[int, int]


def summary(spec: Spec) -> dict[str, Any]:
    """Totals and layers of a spec's network. Raises CnnwizError when the network is impossible."""
    graph = graph_of(spec)
    if graph.finding:
        raise CnnwizError(graph.finding.message)
    return describe(graph)


def describe(graph: Graph) -> dict[str, Any]:
    """Totals and layers of a possible network; shapes as [C, H, W], vectors as [F, 1, 1].

    `receptive_field` is a side in input pixels, the longer one where height and width differ.
    """
    return {
        "name": graph.name,
        "input": list(graph.input),
        "classes": graph.classes,
        "parameters": graph.parameters,
        "trainable_parameters": graph.parameters,
        "macs": graph.macs,
        "activation_bytes": graph.activation_bytes,
        "receptive_field": max(graph.receptive_field),
        "layers": [
            {
                "name": node.name,
                "kind": node.kind,
                "output": _three(node.output),
                "parameters": node.parameter_count,
                "macs": node.macs,
                "receptive_field": max(node.field.size),
            }
            for node in graph.nodes
        ],
    }


def by_line(graph: Graph, model: Model) -> list[Line]:
    """The model line by line. One that adds no operation keeps the shape of the line in front."""
    nodes: dict[Path, list[Node]] = {("model", "input", index): [] for index in range(len(model.input))}
    nodes |= {("model", "layers", index): [] for index in range(len(model.layers))}
    nodes[("model", "head")] = []
    for node in graph.nodes:
        nodes[node.path[: 2 if node.path[1] == "head" else 3]].append(node)
    lines, output, field = [], graph.input, (1, 1)
    for path, own in nodes.items():
        output, field = (own[-1].output, own[-1].field.size) if own else (output, field)
        parameters, macs = sum(node.parameter_count for node in own), sum(node.macs for node in own)
        lines.append(Line(path, output, parameters, macs, field))
    return lines


def _three(shape: Shape) -> list[int]:
    return [*shape, 1, 1] if len(shape) == 1 else list(shape)
