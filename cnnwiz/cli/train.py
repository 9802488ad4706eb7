"""`cnnwiz train`: a spec becomes a trained network in a run directory."""

from __future__ import annotations

from pathlib import Path

import typer


def train(
    spec: Path = typer.Argument(None, help="Spec file. Not with --resume."),
    run_dir: Path = typer.Option(None, "--run-dir", help="New directory for this run. Default: runs/NAME-1, -2, ..."),
    resume: Path = typer.Option(None, "--resume", help="Go on with the run in this directory."),
    seed: int = typer.Option(None, "--seed", min=0, help="Another training.seed than the spec's, for repeated runs."),
    device: str = typer.Option("auto", "--device", help="auto, cpu, cuda, cuda:N or mps."),
    workers: int = typer.Option(2, "--workers", min=0, max=256, help="Processes that decode images."),
    no_lint: bool = typer.Option(False, "--no-lint", help="Train although lint finds errors."),
    json: bool = typer.Option(False, "--json", help="Events as JSON lines on stdout."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the result and errors."),
) -> int:
    """Train the network of a spec; every run gets a directory of its own.

    Example: cnnwiz train digits.yaml --run-dir runs/first
    """
    from cnnwiz.cli.progress import reporter
    from cnnwiz.errors import CnnwizError

    if (spec is None) == (resume is None):
        raise CnnwizError("give a spec to train, or --resume DIR to go on with a run, not both")
    if resume is None and not no_lint:
        _lint(spec)
    show = reporter(json, quiet)
    show.loading()

    from torch import OutOfMemoryError

    from cnnwiz.training.loop import fit
    from cnnwiz.training.run import Run, next_run_dir, read_record
    from cnnwiz.training.signals import StopRequest

    if resume is not None and read_record(resume).get("status") == "finished":
        show.already_finished(resume)
        return 0
    if resume is not None:
        run = Run.reopen(resume)
    else:
        from cnnwiz.spec import SpecError, open_document

        document = open_document(spec)
        if document.spec is None:
            raise SpecError(document)
        parsed = document.spec
        if seed is not None:
            training = parsed.training.model_copy(update={"seed": seed})
            parsed = parsed.model_copy(update={"training": training})
        run = Run.create(run_dir or next_run_dir(Path("runs"), parsed.name), parsed, document.text)
    with run, StopRequest() as stop:
        try:
            for event in fit(run, device, workers, stop.number, show.reading):
                show.event(event)
        except OutOfMemoryError as error:
            advice = "set training.micro_batch below batch_size, or a smaller image_size"
            raise CnnwizError(f"the device ran out of memory: {str(error).splitlines()[0]}; {advice}", code=6) from None
    return 128 + stop.number() if stop.number() else 0


def _lint(spec: Path) -> None:
    """Findings that make training pointless stop it before torch is loaded; warnings are one line."""
    from cnnwiz.cli.plain import visible
    from cnnwiz.errors import CnnwizError
    from cnnwiz.rules import check
    from cnnwiz.spec import SpecError, open_document

    document = open_document(spec)
    if document.spec is None:
        raise SpecError(document)
    findings = check(document)
    errors = [finding for finding in findings if finding.severity == "error"]
    warnings = [finding for finding in findings if finding.severity == "warning"]
    if errors:
        lines = [f"{spec}:{f.span.line}:{f.span.column}: {f.message} ({f.code})" for f in errors]
        raise CnnwizError("\n".join([*lines, f"cnnwiz explain {errors[0].code} tells why; --no-lint trains anyway"]))
    if warnings:
        codes = ", ".join(sorted({finding.code for finding in warnings}))
        typer.echo(visible(f"lint    {len(warnings)} warnings ({codes}); cnnwiz lint {spec}"), err=True)
