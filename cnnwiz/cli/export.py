"""`cnnwiz export`: a run's network as a file that others use without cnnwiz."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer

from cnnwiz.cli.options import Fuse, Run, TableOrJson, Weights


def export(
    run: Run,
    file_format: Literal["onnx", "torch_export", "python", "weights"] = typer.Option(
        ..., "--format", help="Which kind of file: ONNX, torch.export (.pt2), Python with .npz, safetensors."
    ),
    output: Path = typer.Option(None, "--output", "-o", help="The file. Default: RUN/export/NAME and its extension."),
    weights: Weights = "best",
    fuse: Fuse = False,
    preprocessing: Literal["beside", "inside"] = typer.Option(
        "beside", "--preprocessing", help="Crop and normalization: told in a JSON beside the file, or part of it."
    ),
    tolerance: float = typer.Option(
        None,
        "--tolerance",
        min=0,
        help="Largest difference. Default: onnx 1e-4, torch_export 1e-5, others 0.",
    ),
    data: Path = typer.Option(None, "--data", help="Images to compare on, as for eval; default: the run's validation."),
    images: int = typer.Option(200, "--images", min=1, help="On how many images run and file are compared."),
    force: bool = typer.Option(False, "--force", help="Replace files that exist."),
    output_format: TableOrJson = "table",
) -> None:
    """Export a run's network and check on real images that the file says what the run says.

    A file that differs by more than the tolerance is not written; the exit code is then 1.

    Example: cnnwiz export runs/digits-1 --format python
    """
    import json

    from cnnwiz.cli.plain import visible
    from cnnwiz.exports import Settings
    from cnnwiz.exports import export as write

    settings = Settings(file_format, output, weights, fuse, preprocessing == "inside", tolerance, data, images, force)
    found = write(run, settings)
    parity = found.parity
    if output_format == "json":
        print(json.dumps({"files": [str(file) for file in found.files], **found.about}, indent=2, allow_nan=False))
        return
    for file in found.files:
        print(visible(f"{file}  {file.stat().st_size:,} bytes"))
    shape = ", ".join(map(str, found.about["input"]["shape"]))
    print(f"  input       {found.about['input']['type']} ({shape})")
    for where in ("before", "inside"):
        for step in found.about["preprocessing"][f"steps_{where}_the_file"]:
            print(f"  {where:<10}  {step}")
    print(visible(f"  compared    {parity.images} {parity.source}, batches of 1, 7 and 64"))
    print(f"  difference  {parity.difference:.2g} at most, tolerance {parity.tolerance:g}")
    if parity.accuracy is not None:
        print(f"  agreement   {parity.agreement:.4f} of the images get the same class")
        print(f"  accuracy    {parity.accuracy:.4f} run, {parity.exported_accuracy:.4f} file")
