"""The list of commands. Each command's file imports what it needs inside its function, so that --help stays fast."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
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

COMMANDS: dict[str, Callable[..., Any]] = {
    "new": new.new,
    "lint": lint.lint,
    "train": train.train,
    "eval": eval.evaluate,
    "predict": predict.predict,
    "export": export.export,
    "compare": compare.compare,
    "report": report.report,
    "serve": serve.serve,
    "summary": summary.summary,
    "explain": explain.explain,
    "rules": rules.rules,
    "templates": templates.templates,
    "schema": schema.schema,
}


def program(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="cnnwiz",
        help="From the decisions behind a convolutional network to a trained one.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names:
        app.command(name)(COMMANDS[name])
    return app


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cnnwiz {__version__}")
        raise typer.Exit


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
        # Typer reads the options of every command it has, so it gets only the one that is asked for.
        app = program([name for name in COMMANDS if name in arguments[:1]] or COMMANDS)
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
