"""`cnnwiz summary`: the network of a spec, layer by layer, without building it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import typer


def summary(
    spec: Path = typer.Argument(help="Spec file, or - for standard input."),
    output_format: Literal["table", "json"] = typer.Option(
        "table", "--output-format", help="Table for people, or JSON."
    ),
) -> None:
    """Show shapes, parameters, multiply-adds and receptive field of a spec's network, without building it."""
    import json

    from cnnwiz.graph import summary as summarize
    from cnnwiz.spec import load

    described = summarize(load(spec))
    if output_format == "json":
        print(json.dumps(described, indent=2))
    else:
        _table(described)


def _table(described: dict[str, Any]) -> None:
    from cnnwiz.cli.console import results, table

    rows = [
        (
            layer["name"],
            layer["kind"],
            "x".join(str(n) for n in layer["output"] if n != 1 or layer["output"].index(n) == 0) or "1",
            f"{layer['parameters']:,}" if layer["parameters"] else "",
            _short(layer["macs"]) if layer["macs"] else "",
            str(layer["receptive_field"]),
        )
        for layer in described["layers"]
    ]
    header = ("layer", "kind", "output", "parameters", "MACs", "field px")
    results().print(table(header, rows, right=(2, 3, 4, 5)))
    size = "x".join(map(str, described["input"]))
    print(f"{described['name']}: {size} to {described['classes']} classes")
    print(f"  parameters      {described['parameters']:>14,}")
    print(f"  MACs per image  {described['macs']:>14,}  (multiply-adds of convolutions and linear layers)")
    print(f"  activations     {described['activation_bytes']:>14,}  bytes per image in float32")
    print(f"  receptive field {described['receptive_field']:>14,}  px of {described['input'][-1]}")


def _short(number: int) -> str:
    """1,234,567 as 1.23 M."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)
