"""`cnnwiz new`: questions, or answers from elsewhere, and the spec file they make."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.cli.start import Start
    from cnnwiz.decisions import Answers, Level


def new(
    output: str = typer.Option("", "--output", "-o", metavar="FILE", help="File to write, - for stdout [NAME.yaml]."),
    data: str = typer.Option(
        "", "--data", metavar="PATH", help="Images to look at first: a folder, an .npz file, or digits."
    ),
    from_: str = typer.Option("", "--from", metavar="SPEC", help="Edit this spec; what is not asked stays in it."),
    template: str = typer.Option("", "--template", metavar="NAME", help="Begin with a template: cnnwiz templates."),
    level: Literal["recommended", "guided", "all"] | None = typer.Option(None, help="How much is asked."),
    set_: list[str] = typer.Option([], "--set", metavar="KEY=VALUE", help="Answer one question; may be repeated."),
    answers: str = typer.Option("", "--answers", metavar="FILE", help="YAML of keys and answers, - for stdin."),
    defaults: bool = typer.Option(False, "--defaults", help="Ask nothing: recommended answers where none is given."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it exists; the old one becomes FILE.bak."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would be written on stdout, write nothing."),
    plain: bool = typer.Option(False, "--plain", help="Numbered questions without cursor control."),
    no_input: bool = typer.Option(False, "--no-input", help="Never ask; fail if answers are missing."),
) -> int:
    """Decide about a network and write its spec. Nothing is written before the end.

    An answer given with --set wins over one from --answers, and that over the recommended one.

    Example: cnnwiz new --data photos --defaults -o photos.yaml
    """
    from cnnwiz.cli.start import begin

    asking = not defaults and not no_input and _can_ask()
    if asking:
        from cnnwiz.cli.ask import converse, front_for

        front = front_for(plain)
        front.say("cnnwiz new writes one YAML file at the end, nothing before that.")
        start = begin(data, from_, template, set_, answers, front.progress)
        for line in start.lines:
            front.say(line)
        return converse(front, start, level, output, force, dry_run)
    start = begin(data, from_, template, set_, answers, _silent)
    for line in start.lines:
        say(line)
    _require(start.answers, "recommended" if defaults else level or "guided", defaults)
    target = output or start.target(start.answers)
    finish(start, start.answers, target, force, dry_run)
    return 0


def finish(start: Start, answers: Answers, target: str, force: bool, dry_run: bool) -> None:
    """Write the spec, or show it, and say what can be done with it."""
    from cnnwiz.cli.save import save, text_of

    text, notes = text_of(answers, start.document)
    for note in notes:
        say(note)
    if target == "-":
        sys.stdout.write(text)
        return
    if dry_run:
        sys.stdout.write("".join(_difference(text, Path(target))))
        say(f"would write {target}; nothing was written")
        return
    kept = save(text, Path(target), force)
    say(f"wrote {target} ({len(text.splitlines())} lines)" + (f"; the old one is {kept}" if kept else ""))
    say(f"  cnnwiz lint {target}\n  cnnwiz train {target}")


def say(text: str) -> None:
    """A line to stderr."""
    from cnnwiz.cli.plain import visible

    sys.stderr.write(visible(text) + "\n")


def _silent(text: str) -> None:
    """Progress where nobody watches."""


def _can_ask() -> bool:
    """Whether there is a person at a terminal; CI and CNNWIZ_NO_INPUT say that there is none."""
    off = ("", "0", "false", "no")
    forbidden = any(os.environ.get(name, "").lower() not in off for name in ("CNNWIZ_NO_INPUT", "CI"))
    return sys.stdin.isatty() and sys.stderr.isatty() and not forbidden


def _require(given: Answers, level: Level, defaults: bool) -> None:
    """Raise CnnwizError that names every open question of this level; with `defaults` those without recommendation."""
    from cnnwiz.decisions import before, missing, plan

    unasked = missing(given) if defaults else [] if given.about.base else plan(given, level)
    unasked = unasked or missing(given)
    if "data.classes" in {question.key for question in missing(given)}:
        _require_images(before(given).get("data.path"))
    lines = []
    for question in (question for question in unasked if question.key not in given):
        advice = question.advise(before(given, question.key))
        value = question.show(advice.value) if advice else "PATH" if question.kind == "text" else "N"
        note = "recommended" if advice else f"no default: {question.prompt}"
        lines.append(f"  {f'--set {question.key}={value}':<44} {note}")
    if lines:
        hint = [] if defaults else ["Give them with --set or --answers; --defaults takes what is recommended."]
        raise CnnwizError("\n".join(["these answers are missing, and there is nobody to ask:", *lines, *hint]))


def _require_images(path: str | None) -> None:
    """Raise CnnwizError where there is nothing at `path`, which is why nobody knows the number of classes."""
    if path is not None and not Path(path).exists():
        hint = "give the path of images that are here, or say what it will hold: --set data.classes=N"
        raise CnnwizError(f"data.path {path}: no such file or folder; {hint}")


def _difference(text: str, target: Path) -> list[str]:
    """The text, or how it differs from the file that is there."""
    from difflib import unified_diff

    if not target.exists():
        return [text]
    old = target.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    return list(unified_diff(old, text.splitlines(keepends=True), str(target), f"{target} (new)"))
