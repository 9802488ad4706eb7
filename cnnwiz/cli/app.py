"""The list of commands. Each command's file imports what it needs inside its function, so that --help stays fast."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

import typer

from cnnwiz import __version__
from cnnwiz.cli import (
    compare,
    eval,
    explain,
    export,
    lint,
    new,
    predict,
    report,
    rules,
    schema,
    serve,
    summary,
    templates,
    train,
)

USAGE_ERRORS: tuple[Any, ...] = typer.BadParameter.__mro__[1:3]
"""What typer raises for a wrong command line: click's UsageError and ClickException, which it vendors and hides."""

app = typer.Typer(
    name="cnnwiz",
    help="From the decisions behind a convolutional network to a trained one.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("new")(new.new)
app.command("lint")(lint.lint)
app.command("train")(train.train)
app.command("eval")(eval.evaluate)
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("serve")(serve.serve)
app.command("summary")(summary.summary)
app.command("explain")(explain.explain)
app.command("rules")(rules.rules)
app.command("templates")(templates.templates)
app.command("schema")(schema.schema)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cnnwiz {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    pass


def invoke(arguments: list[str]) -> int:
    """Run a command in this process; usage errors are printed and give 2, as everywhere."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an ASCII locale must not end in UnicodeEncodeError
            stream.reconfigure(errors="backslashreplace")
    try:
        result = app(arguments, prog_name="cnnwiz", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return 130
    except SystemExit:  # typer's answer to a closed pipe
        raise BrokenPipeError from None
    except USAGE_ERRORS as error:  # unknown option, missing argument: says what is allowed
        error.show()
        return 2
    return result if isinstance(result, int) else 0
