"""`cnnwiz summary`: the network of a spec, line by line or operation by operation, without building it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from cnnwiz.amounts import short

if TYPE_CHECKING:
    from cnnwiz.catalog.choice import Choice
    from cnnwiz.graph import Graph
    from cnnwiz.spec import Spec

NUMBERS = (1, 2, 3, 4, 5)
"""Columns of numbers, which are aligned to the right; the first column is the text."""


def summary(
    spec: Path = typer.Argument(help="Spec file, or - for standard input."),
    everything: bool = typer.Option(False, "--all", help="A row for every operation instead of one for every line."),
    output_format: Literal["table", "json"] = typer.Option(
        "table", "--output-format", help="Table for people, or JSON, which always holds every operation."
    ),
) -> None:
    """Show shapes, parameters, multiply-adds and receptive field of a spec's network, without building it.

    Example: cnnwiz summary resnet50.yaml
    """
    import json

    from cnnwiz.errors import CnnwizError
    from cnnwiz.graph import graph_of
    from cnnwiz.graph.summary import describe
    from cnnwiz.spec import load

    loaded = load(spec)
    graph = graph_of(loaded)
    if graph.finding:
        raise CnnwizError(graph.finding.message)
    if output_format == "json":
        print(json.dumps(describe(graph), indent=2))
        return
    from cnnwiz.cli.plain import aligned, columns

    header, rows = _operations(graph) if everything else _lines(graph, loaded)
    print(aligned(header, rows, NUMBERS, columns()))
    print(_totals(graph))


def _lines(graph: Graph, spec: Spec) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row for each line of the model, repeats folded."""
    from cnnwiz.graph.summary import by_line

    written = [*spec.model.input, *spec.model.layers, spec.model.head]
    rows = [
        (
            words(choice),
            _shape(line.output),
            _count(line.parameters),
            _share(line.parameters, graph.parameters),
            short(line.macs) if line.macs else "",
            _side(line.receptive_field),
        )
        for choice, line in zip(written, by_line(graph, spec.model), strict=True)
    ]
    rows[-1] = (f"head: {rows[-1][0]}", *rows[-1][1:])
    return ("line", "output", "parameters", "share", "MACs", "field px"), rows


def _operations(graph: Graph) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row for each operation by its name, whose last word says what it is."""
    rows = [
        (
            node.name,
            _shape(node.output),
            _count(node.parameter_count),
            _share(node.parameter_count, graph.parameters),
            short(node.macs) if node.macs else "",
            _side(node.field.size),
        )
        for node in graph.nodes
    ]
    return ("operation", "output", "parameters", "share", "MACs", "field px"), rows


def words(choice: Choice) -> str:
    """A line of the model in a few words: `bottleneck 512 /2 x4`, `conv 96 11x11 /4 padding valid`."""
    from cnnwiz.catalog.choice import plain

    written = plain(choice)
    if isinstance(written, str):
        return written
    ((name, parameters),) = written.items()
    found = sorted(parameters.items(), key=lambda item: item[0] in ("repeat", "times"))
    return " ".join([name, *(_word(key, value) for key, value in found)])


def _word(key: str, value: Any) -> str:
    """One parameter: sizes by their sign, the others by their name."""
    many = isinstance(value, list)
    if key in ("layers", "paths") and many:
        return f"of {len(value)} {key if len(value) > 1 else key[:-1]}"
    if isinstance(value, (dict, bool)):
        return f"{key} {next(iter(value))}" if isinstance(value, dict) else key if value else f"no {key}"
    if key == "kernel":
        return _shape(tuple(value) if many else (value, value))
    if key == "stride":
        return f"/{_shape(tuple(value)) if many else value}"
    sign = {"channels": "", "features": "", "repeat": "x", "times": "x"}.get(key, f"{key} ")
    return sign + (",".join(map(str, value)) if many else str(value))


def _totals(graph: Graph) -> str:
    ends = "classes" if graph.output == (graph.classes,) else "features"
    sees = f"{_side(graph.receptive_field):>17} px of {_shape(graph.input[1:])}"
    return f"""
{graph.name}: {_shape(graph.input)} to {graph.output[0]} {ends}
{graph.parameters:>17,} parameters, {short(4 * graph.parameters, "B")} in float32
{graph.macs:>17,} MACs per image: multiply-adds in convolutions, linear layers
{graph.activation_bytes:>17,} bytes of activations per image, which training keeps
{sees}: what a position of the last map sees"""


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _side(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else _shape(size)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _share(part: int, whole: int) -> str:
    """A share in percent; small ones are not nothing."""
    if not part:
        return ""
    return f"{100 * part / whole:.1f} %" if 1000 * part >= whole else "<0.1 %"
