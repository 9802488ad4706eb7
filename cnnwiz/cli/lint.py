"""`cnnwiz lint`: what is wrong with specs, or could be better in them, each thing at its line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cnnwiz.cli.linting import Job
    from cnnwiz.cli.settings import Settings

Format = Literal["full", "concise", "json", "jsonl", "github", "gitlab", "sarif", "junit"]
Threshold = Literal["error", "warning", "info", "never"]
Files = Annotated[
    list[str] | None, typer.Argument(metavar="FILE...", help="Specs, directories of specs, or - for standard input.")
]
Module = Annotated[
    str | None,
    typer.Option(metavar="PACKAGE:NAME", help="Not files, but a torch module, or what makes one: its structure."),
]
Input = Annotated[
    str | None, typer.Option("--input", metavar="C,H,W", help="With --module: its images. Default: 3,224,224.")
]
OutputFormat = Annotated[
    Format | None,
    typer.Option(help="How to say what was found. Default: full; github in a GitHub workflow.", show_default=False),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report there instead.")]
Rules = "RULES"
Select = Annotated[list[str] | None, typer.Option(metavar=Rules, help="Only these: codes, names or CNN2, by comma.")]
ExtendSelect = Annotated[
    list[str] | None, typer.Option(metavar=Rules, help="Show these too, although they are of severity info.")
]
Ignore = Annotated[list[str] | None, typer.Option(metavar=Rules, help="All but these.")]
Exclude = Annotated[
    list[str] | None, typer.Option(metavar="PATTERN", help="Leave out such files and folders of directories.")
]
SpecsOnly = Annotated[
    bool, typer.Option("--specs-only", help="Pass over files without the key cnnwiz, as in directories: for hooks.")
]
FailOn = Annotated[
    Threshold | None,
    typer.Option(help="Exit with 1 on findings of this severity or a worse one. Default: error.", show_default=False),
]
Everything = Annotated[bool, typer.Option("--all", help="Show findings of severity info, too; JSON always holds them.")]
Fix = Annotated[bool, typer.Option("--fix", help="Apply repairs that leave the training run as it is.")]
UnsafeFixes = Annotated[bool, typer.Option("--unsafe-fixes", help="With --fix or --diff: also those that change it.")]
Diff = Annotated[
    bool, typer.Option("--diff", help="Show what --fix would change, write nothing; exit with 1 if it would.")
]
Statistics = Annotated[bool, typer.Option("--statistics", help="Count the findings of each rule instead.")]
Watch = Annotated[bool, typer.Option("--watch", help="Look again whenever a file changes, until Ctrl-C.")]
BaselineFile = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="Only what this file does not hold counts.")
]
WriteBaseline = Annotated[
    bool, typer.Option("--write-baseline", help="Put what is found now into the baseline, and exit with 0.")
]
StdinFilename = Annotated[
    str | None, typer.Option(metavar="NAME", help="What standard input is called in the report and configuration.")
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Default: cnnwiz.toml, or [tool.cnnwiz] of pyproject.toml, upwards."),
]
Isolated = Annotated[bool, typer.Option("--isolated", help="Read no configuration.")]
ShowConfig = Annotated[bool, typer.Option("--show-config", help="Show what applies and where it is said; no lint.")]
Color = Annotated[Literal["auto", "always", "never"], typer.Option(help="Colours; auto: on a terminal.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No line of totals.")]
SAID = ("select", "extend-select", "ignore", "exclude", "fail-on", "baseline", "all")
"""Keys of the configuration that options stand for."""


def lint(
    files: Files = None,
    module: Module = None,
    image: Input = None,
    output_format: OutputFormat = None,
    output: Output = None,
    fail_on: FailOn = None,
    select: Select = None,
    extend_select: ExtendSelect = None,
    ignore: Ignore = None,
    exclude: Exclude = None,
    specs_only: SpecsOnly = False,
    everything: Everything = False,
    fix: Fix = False,
    unsafe_fixes: UnsafeFixes = False,
    diff: Diff = False,
    statistics: Statistics = False,
    watch: Watch = False,
    baseline: BaselineFile = None,
    write_baseline: WriteBaseline = False,
    stdin_filename: StdinFilename = None,
    config: ConfigFile = None,
    isolated: Isolated = False,
    show_config: ShowConfig = False,
    color: Color = "auto",
    quiet: Quiet = False,
) -> int:
    """Check specs: what will not run, and what the evidence says will run worse.

    Example: cnnwiz lint spec.yaml

    A comment silences a finding on its line or the next one: # cnnwiz: ignore[CNN201] reason
    """
    from cnnwiz.cli.linting import Job, run
    from cnnwiz.cli.settings import settings_for
    from cnnwiz.cli.sources import common_folder

    names = list(files or [])
    said = (select, extend_select, ignore, exclude, fail_on, baseline, everything)
    given = {key: value for key, value in zip(SAID, said, strict=True) if value}
    named = [stdin_filename if name == "-" and stdin_filename else name for name in names]

    def settings() -> Settings:
        return settings_for(common_folder(named), given, config, isolated)

    job = Job(names, settings, output_format, output, stdin_filename, fix, unsafe_fixes, diff)
    job = job._replace(statistics=statistics, write_baseline=write_baseline, quiet=quiet, color=color)
    job = job._replace(specs_only=specs_only)
    _refuse(job, watch, module, image)
    if show_config:
        print("\n".join(_listed(settings())))
        return 0
    if module:
        from cnnwiz.cli.module import lint_module

        return lint_module(module, image, job)
    if watch:
        _watch(job)
    return run(job)


def _watch(job: Job) -> NoReturn:
    from cnnwiz.cli.linting import run
    from cnnwiz.cli.sources import watched
    from cnnwiz.cli.watch import watch

    watch(lambda: run(job), lambda: watched(job.names, job.settings().excludes))


def _refuse(job: Job, watch: bool, module: str | None, image: str | None) -> None:
    """Raise CnnwizError for options that do not go together: none is ignored."""
    from cnnwiz.errors import CnnwizError

    if not (job.names or module):
        raise CnnwizError("nothing to lint: give specs, directories of specs, - or --module PACKAGE:NAME")
    if (image and not module) or (watch and module):
        raise CnnwizError("--input says what images --module is read for; --watch needs files")
    if job.unsafe and not (job.fix or job.diff):
        raise CnnwizError("--unsafe-fixes goes with --fix, which applies them, or --diff, which shows them")
    if job.statistics and job.output_format not in (None, "full", "json"):
        raise CnnwizError(f"--statistics come as text or as JSON, not as {job.output_format}")
    if job.stdin_filename and "-" not in job.names:
        raise CnnwizError("--stdin-filename names standard input: give - as the file")
    if watch and "-" in job.names:
        raise CnnwizError("--watch needs files; standard input does not change")


def _listed(settings: Settings) -> Iterator[str]:
    """Each setting as TOML, and where it comes from."""
    import json

    values = {
        "select": list(settings.select),
        "extend-select": list(settings.extend_select),
        "ignore": list(settings.ignore),
        "exclude": list(settings.exclude),
        "per-file-ignores": settings.per_file_ignores,
        "severity": settings.severity,
        "fail-on": settings.fail_on,
        "baseline": str(settings.baseline) if settings.baseline else "",
        "all": settings.all,
    }
    for key, value in values.items():
        pairs = [f'"{word}" = {json.dumps(inner)}' for word, inner in value.items()] if isinstance(value, dict) else []
        text = "{" + ", ".join(pairs) + "}" if isinstance(value, dict) else json.dumps(value)
        yield f"{key} = {text}  # {settings.origin.get(key, 'default')}"
