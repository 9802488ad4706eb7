"""What several commands take alike: the run's directory, its weights, changes of a spec, where and how to compute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Run = Annotated[Path, typer.Argument(help="Run directory.")]
Split = Annotated[Literal["test", "validation", "train"], typer.Option("--split", help="Which images.")]
Weights = Annotated[Literal["best", "last"], typer.Option("--weights", help="Which weights.")]
Views = Annotated[
    Literal["none", "flip", "shifts", "crops", "ten"],
    typer.Option(
        "--tta", help="Average over views: mirror, moves by a pixel and mirror, corners and centre, or all ten."
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Workers = Annotated[int, typer.Option("--workers", min=0, max=256, help="Processes that decode images.")]
Changed = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another value than the spec's, this time: training.epochs=3, optimizer.sgd.lr=0.1. Can be repeated.",
    ),
]
Fuse = Annotated[bool, typer.Option("--fuse", help="Fold batch norms into the convolutions first.")]
TableOrJson = Annotated[Literal["table", "json"], typer.Option("--output-format", help="Table for people, or JSON.")]
