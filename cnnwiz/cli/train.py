"""`cnnwiz train`: a spec becomes a trained network in a run directory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from cnnwiz.cli.options import Changed, Device, Workers

if TYPE_CHECKING:
    from cnnwiz.cli.progress import Reporter
    from cnnwiz.data.cache import Cache
    from cnnwiz.spec import Document, Spec
    from cnnwiz.training.run import Run

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def train(
    spec: Path = typer.Argument(None, help="Spec file. With --resume: what the run is expected to follow."),
    run_dir: Path = typer.Option(None, "--run-dir", help="New directory for this run. Default: runs/NAME-1, -2, ..."),
    resume: Path = typer.Option(
        None, "--resume", help="Go on with the run in this directory; with SPEC, start it there if there is none."
    ),
    accept_changes: bool = typer.Option(
        False, "--accept-changes", help="Go on although SPEC now has other epochs or phases to come."
    ),
    changes: Changed = None,
    seed: int = typer.Option(None, "--seed", min=0, help="Another training.seed than the spec's, for repeated runs."),
    device: Device = "auto",
    nproc: int = typer.Option(1, "--nproc", min=1, max=1024, help="Processes on this machine that train together."),
    workers: Workers = 2,
    cache: Path = typer.Option(
        None,
        "--cache",
        envvar="CNNWIZ_CACHE",
        help="Folder that keeps decoded images for all runs. Default: in the run directory, where memory is too small.",
    ),
    no_cache: bool = typer.Option(False, "--no-cache", help="Keep no decoded images on disk."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Train some steps, save, read back, estimate time and memory; leave nothing behind."
    ),
    max_time: str = typer.Option(None, "--max-time", help="Save and stop after so long, as SIGTERM would: 90s, 2h30m."),
    save_every: str = typer.Option("10m", "--save-every", help="Time between checkpoints within an epoch."),
    tensorboard: bool = typer.Option(False, "--tensorboard", help="Curves for TensorBoard in the run directory."),
    no_lint: bool = typer.Option(False, "--no-lint", help="Train although lint finds errors."),
    json: bool = typer.Option(False, "--json", help="Events as JSON lines on stdout."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the result and errors."),
) -> int:
    """Train the network of a spec; every run gets a directory of its own.

    Example: cnnwiz train digits.yaml --run-dir runs/first
    """
    from cnnwiz.errors import CnnwizError

    if spec is None and resume is None:
        raise CnnwizError("give a spec to train, or --resume DIR to go on with a run")
    if run_dir is not None and resume is not None:
        raise CnnwizError("--run-dir starts a run and --resume goes on with one: give one of them")
    limit = None if max_time is None else seconds_of(max_time, "--max-time")
    leads = os.environ.get("RANK", "0") == "0"
    settings = [*(changes or ()), *([] if seed is None else [f"training.seed={seed}"])]
    if settings and spec is None:
        raise CnnwizError("--set and --seed change a spec: give one")
    document = None if spec is None else _document(spec, settings, lint=not no_lint and leads, quiet=quiet)
    task = Task(document, settings, run_dir, resume, accept_changes, device, workers, cache, not no_cache)
    if dry_run:
        from cnnwiz.cli.rehearse import rehearse

        return rehearse(task.spec, run_dir, device, workers, json)
    if nproc > 1 and "RANK" not in os.environ:
        from cnnwiz.cli.launch import launch

        flags = [("--json", json), ("--quiet", quiet), ("--tensorboard", tensorboard)]
        words = [word for word, given in flags if given] + (["--max-time", max_time] if max_time else [])
        return launch(nproc, task, [*words, "--save-every", save_every])
    between = seconds_of(save_every, "--save-every")
    return _train(task, limit, between, tensorboard and leads, _reporter(leads, json, quiet))


class Task(NamedTuple):
    """What is to be trained, and where."""

    document: Document | None
    settings: Sequence[str]
    """What is already changed in the document, for other processes that read the file."""
    run_dir: Path | None
    resume: Path | None
    accept_changes: bool
    device: str
    workers: int
    cache: Path | None
    keeps: bool
    """Whether decoded images may be kept on disk at all."""

    def kept_in(self, run: Path, several: bool) -> Cache | None:
        """Where decoded images are kept: in the folder named for that, or in the run directory, where `several` ranks
        share them and one keeps what memory does not hold."""
        from cnnwiz.data.cache import Cache

        if not self.keeps:
            return None
        return Cache(self.cache) if self.cache else Cache(run / "cache", always=several)

    @property
    def spec(self) -> Spec | None:
        """The spec; None without a file."""
        return self.document.spec if self.document else None

    @property
    def goes_on(self) -> bool:
        """Whether there is a run to go on with."""
        return self.resume is not None and (self.spec is None or (self.resume / "spec.yaml").is_file())


def _train(task: Task, limit: float | None, save_every: float, tensorboard: bool, show: Reporter) -> int:
    """Train in this process, alone or as one of several ranks."""
    show.loading()
    if "RANK" in os.environ:  # else torch warns, at each start, that no parameter is unused
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

    from torch import OutOfMemoryError

    from cnnwiz.cli.curves import curves
    from cnnwiz.errors import CnnwizError, first_line
    from cnnwiz.training.distributed import join
    from cnnwiz.training.events import Stopped
    from cnnwiz.training.loop import fit
    from cnnwiz.training.signals import StopRequest

    with StopRequest(limit) as stop:

        def reading(done: int, total: int) -> None:
            show.reading(done, total)
            if stop.number():
                raise CnnwizError("stopped while images were read; there was nothing to save", 128 + stop.number())

        ranks = join(task.device)
        with _open(task, ranks.leads) as run, curves(run.path if tensorboard else None) as draw:
            if ranks.agree(run.leads and run.record.get("status") == "finished"):
                show.already_finished(run.path)
                return 0
            code, cache = 0, task.kept_in(run.path, ranks.count > 1)
            try:
                for event in fit(run, task.device, task.workers, stop.number, reading, ranks, save_every, cache):
                    draw(event)
                    show.event(event)
                    code = 128 + event.signal if isinstance(event, Stopped) else 0
            except OutOfMemoryError as error:
                advice = "set training.micro_batch below batch_size, or a smaller image_size"
                raise CnnwizError(f"the device ran out of memory: {first_line(error)}; {advice}", code=6) from None
            except CnnwizError:
                if not (task.run_dir or task.resume):  # it was made for this run alone
                    run.abandon()
                raise
            if cache and not task.cache and not code and ranks.leads:
                cache.remove()
        ranks.leave()
        return code


def _open(task: Task, leads: bool) -> Run:
    """The run directory: made for a new run, opened for one that goes on, only read by ranks that do not lead."""
    from cnnwiz.errors import CnnwizError
    from cnnwiz.spec import load
    from cnnwiz.training.places import claim_run_dir
    from cnnwiz.training.run import Run

    given = task.resume or task.run_dir
    if not leads:
        if given is None:
            raise CnnwizError("several ranks need --run-dir DIR or --resume DIR, the same for all")
        return Run.follow(given, task.spec or load(given / "spec.yaml"))
    if task.goes_on and task.resume is not None:
        return Run.reopen(task.resume, task.spec, task.accept_changes)
    spec, document = task.spec, task.document
    if spec is None or document is None:
        raise CnnwizError(f"{given}: not a run directory; give a spec to start one there")
    try:
        return Run.create(given or claim_run_dir(Path("runs"), spec.name), spec, document.text)
    except CnnwizError:
        if given is None or not task.goes_on:
            raise
        return Run.reopen(given, spec, task.accept_changes)  # another process was faster, and has ended


def _reporter(leads: bool, json: bool, quiet: bool) -> Reporter:
    from cnnwiz.cli.progress import Silent, reporter

    return reporter(json, quiet) if leads else Silent()


def seconds_of(text: str, option: str) -> float:
    """Seconds in `90`, `90s`, `10m`, `2h30m`, `1d`. Raises CnnwizError that names the option."""
    from cnnwiz.errors import CnnwizError

    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * UNITS[unit] for number, unit in parts)
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    raise CnnwizError(f"{option} {text}: not a time; write seconds, or 90s, 10m, 2h30m, 1d")


def _document(spec: Path, settings: list[str], lint: bool, quiet: bool) -> Document:
    """The spec file with the values of --set. Findings that make training pointless stop it before torch is loaded;
    warnings are one line, or with `quiet` none."""
    from cnnwiz.amounts import count
    from cnnwiz.cli.linting import findings_of
    from cnnwiz.cli.overrides import overridden
    from cnnwiz.cli.plain import visible
    from cnnwiz.errors import CnnwizError
    from cnnwiz.spec import SpecError, open_document

    document = open_document(spec)
    if document.spec is None:
        raise SpecError(document)
    document = overridden(document, settings)
    findings = findings_of(document) if lint else []
    errors = [finding for finding in findings if finding.severity == "error"]
    warnings = [finding for finding in findings if finding.severity == "warning"]
    if errors:
        lines = [f"{document.name}:{f.span.line}:{f.span.column}: {f.message} ({f.code})" for f in errors]
        raise CnnwizError("\n".join([*lines, f"cnnwiz explain {errors[0].code} tells why; --no-lint trains anyway"]))
    if warnings and not quiet:
        codes = ", ".join(sorted({finding.code for finding in warnings}))
        typer.echo(visible(f"lint    {count(len(warnings), 'warning')} ({codes}); cnnwiz lint {spec}"), err=True)
    return document
