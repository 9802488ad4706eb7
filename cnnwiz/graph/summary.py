"""A graph as the JSON object that `cnnwiz summary --output-format json` prints."""

from __future__ import annotations

from typing import Any

from cnnwiz.catalog.operation import Shape
from cnnwiz.errors import CnnwizError
from cnnwiz.graph.graph import Graph
from cnnwiz.graph.wire import graph_of
from cnnwiz.spec.document import Spec


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


def _three(shape: Shape) -> list[int]:
    return [*shape, 1, 1] if len(shape) == 1 else list(shape)
