"""Layers: what the network consists of, line by line of the spec, and operation by operation."""

from __future__ import annotations

from collections.abc import Sequence

from cnnwiz.amounts import short
from cnnwiz.graph.summary import by_line
from cnnwiz.report.blocks import Block, Column, Facts, Fold, Mono, Section, Share, Table, beside
from cnnwiz.report.decided import yaml_of
from cnnwiz.report.numbers import amount
from cnnwiz.report.reading import Reading

MOST_OPERATIONS = 400


def layers(runs: Sequence[Reading]) -> Section:
    """The table of each run; equal networks are shown once."""
    shown: dict[str, tuple[Reading, list[str]]] = {}
    for run in runs:
        shown.setdefault(str((run.spec.model, run.graph.input)), (run, []))[1].append(run.label)
    columns = tuple(Column(", ".join(labels), _network(run)) for run, labels in shown.values())
    lead = "Multiply-adds are those of convolutions and linear layers for one image."
    return Section("layers", "Network", lead, beside(columns))


def _network(run: Reading) -> tuple[Block, ...]:
    graph = run.graph
    totals = (
        ("Input", "x".join(map(str, graph.input))),
        ("Parameters", f"{amount(graph.parameters)}, {short(4 * graph.parameters, 'B')} in float32"),
        ("Multiply-adds", f"{amount(graph.macs)} per image"),
        ("Activations", f"{short(graph.activation_bytes, 'B')} per image in training, float32"),
        ("Receptive field", f"{'x'.join(map(str, graph.receptive_field))} px of {'x'.join(map(str, graph.input[1:]))}"),
    )
    return Facts(totals), _lines(run), Fold(f"All {amount(len(graph.nodes))} operations", (_operations(run),))


def _lines(run: Reading) -> Table:
    model, graph = run.spec.model, run.graph
    written = (*model.input, *model.layers, model.head)
    rows = []
    for choice, line in zip(written, by_line(graph, model), strict=True):
        sizes = ("x".join(map(str, line.output)), amount(line.parameters))
        shares = (_share(line.parameters, graph.parameters), _share(line.macs, graph.macs))
        rows.append((Mono(yaml_of(choice)), *sizes, *shares, "x".join(map(str, line.receptive_field))))
    header = ("line of the spec", "output", "parameters", "share", "multiply-adds", "sees, px")
    return Table("Line by line of the spec, repeats folded", header, tuple(rows), frozenset((1, 2, 3, 4, 5)))


def _operations(run: Reading) -> Table:
    nodes = run.graph.nodes
    rows = tuple(
        (Mono(n.name), n.kind, "x".join(map(str, n.output)), amount(n.parameter_count), short(n.macs))
        for n in nodes[:MOST_OPERATIONS]
    )
    rest = len(nodes) - len(rows)
    caption = "In the order of execution" + (f"; the last {amount(rest)} are left out" if rest else "")
    header = ("operation", "kind", "output", "parameters", "multiply-adds")
    return Table(caption, header, rows, frozenset((2, 3, 4)))


def _share(part: int, whole: int) -> Share:
    value = part / whole if whole else 0.0
    return Share(value, f"{100 * value:.1f} %" if part else "0")
