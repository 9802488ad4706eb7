"""`cnnwiz report`: one page about a run, or about several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer

from cnnwiz.cli.options import Device, Workers


def report(
    runs: list[Path] = typer.Argument(metavar="RUN...", help="Run directories."),
    output: Path = typer.Option(
        None, "--output", "-o", help="File to write, or - for standard output. Default, for one run: report.html in it."
    ),
    format: Literal["html", "markdown"] = typer.Option("html", "--format", help="A page with charts, or Markdown."),
    split: Literal["test", "validation"] = typer.Option(
        None, "--split", help="Images to judge on. Default: test images where there are any."
    ),
    device: Device = "auto",
    workers: Workers = 2,
    force: bool = typer.Option(False, "--force", help="Replace a file that is no report."),
) -> None:
    """Write one page about a run, or about several side by side: curves, mistakes, calibration, decisions and reasons.

    Example: cnnwiz report runs/digits-1 -o report.html
    """
    from cnnwiz.errors import CnnwizError
    from cnnwiz.training.places import require_run

    name = "report.html" if format == "html" else "report.md"
    if output is None and len(runs) > 1:
        raise CnnwizError(f"several runs have no directory in common: add -o {name}")
    target = output or runs[0] / name
    to_stdout = str(target) == "-"
    for run in runs:  # before the target, which may lie in it, is found missing
        require_run(run)
    if not to_stdout and not force:
        _require_ours(target)

    from cnnwiz.report import report
    from cnnwiz.training.files import write_text

    text = report(runs, format, split, device, workers)
    if to_stdout:
        print(text, end="")
        return
    write_text(target, text)
    typer.echo(f"wrote {target} ({len(text.encode()) / 1024:,.0f} kB)", err=True)


def _require_ours(target: Path) -> None:
    """Raise CnnwizError where there is something else than a report, which must not be lost."""
    from cnnwiz.cli.plain import visible
    from cnnwiz.errors import CnnwizError

    if not target.parent.is_dir():
        raise CnnwizError(f"{target.parent}: no such folder; make it first, or write elsewhere with -o")
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise CnnwizError(f"{visible(str(target))}: is no plain file; write elsewhere with -o")
    if not target.exists():
        return
    with target.open("rb") as file:
        start = file.read(4096)
    if b'name="generator" content="cnnwiz ' not in start and not start.startswith(b"<!-- cnnwiz "):
        raise CnnwizError(f"{target}: exists and is no report; write elsewhere with -o, or add --force")
