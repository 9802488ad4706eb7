"""`cnnwiz new`: questions, or answers from elsewhere, and the spec file they make."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.cli.dialogue import Front, Session
    from cnnwiz.decisions import Answers, Level


def new(
    output: str = typer.Option("", "--output", "-o", metavar="FILE", help="File to write, - for stdout [NAME.yaml]."),
    level: Literal["recommended", "guided", "all"] | None = typer.Option(None, help="How much is asked."),
    set_: list[str] = typer.Option([], "--set", metavar="KEY=VALUE", help="Answer one question; may be repeated."),
    answers: str = typer.Option("", "--answers", metavar="FILE", help="YAML of keys and answers, - for stdin."),
    defaults: bool = typer.Option(False, "--defaults", help="Ask nothing: recommended answers where none is given."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it exists."),
    plain: bool = typer.Option(False, "--plain", help="Numbered questions without cursor control."),
    no_input: bool = typer.Option(False, "--no-input", help="Never ask; fail if answers are missing."),
) -> int:
    """Decide about a network and write its spec. Nothing is written before the end.

    An answer given with --set wins over one from --answers, and that over the recommended one.

    Example: cnnwiz new --defaults --set data.source=folder --set data.path=photos -o photos.yaml
    """
    given = _given(set_, answers)
    if not defaults and not no_input and _can_ask():
        return _converse(given, level, output, force, plain)
    _require(given, "recommended" if defaults else level or "guided", defaults)
    _write(given, output, force)
    return 0


def _given(pairs: list[str], file: str) -> Answers:
    """The answers from the command line and the answers file. Raises CnnwizError that lists all that is wrong."""
    from cnnwiz.decisions import take

    texts, problems = _read_answers(file) if file else ({}, [])
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            problems.append(f"--set {pair[:60]!r} has no '='; write --set KEY=VALUE")
            continue
        texts[key.strip()] = value
    given, wrong = take(texts)
    if problems + wrong:
        raise CnnwizError("\n".join([*problems, *wrong, "nothing was written"]))
    return given


def _read_answers(file: str) -> tuple[dict[str, str], list[str]]:
    """Key to text from a YAML mapping of keys to scalars or lists of scalars, and what is wrong with it."""
    from cnnwiz.spec.file import open_document

    document = open_document(file)
    if document.root is None:
        return {}, [f"{file}:{found.span.line}:{found.span.column}: {found.message}" for found in document.findings]
    texts, problems = {}, []
    for key, node in document.root.value.items():
        items = node.value if node.kind == "list" else [node]
        if any(item.kind != "scalar" for item in items):
            place = f"{file}:{node.span.line}:{node.span.column}"
            problems.append(f"{place}: {key} takes a word, a number or a list of these")
            continue
        texts[key] = ",".join(item.text for item in items) or "none"
    return texts, problems


def _can_ask() -> bool:
    off = os.environ.get("CNNWIZ_NO_INPUT", "").lower() not in ("", "0", "false", "no")
    return sys.stdin.isatty() and sys.stderr.isatty() and not off


def _require(given: Answers, level: Level, defaults: bool) -> None:
    """Raise CnnwizError that names every open question of this level; with `defaults` those without recommendation."""
    from cnnwiz.decisions import before, missing, plan

    unasked = missing(given) if defaults else plan(given, level)
    lines = []
    for question in (question for question in unasked if question.key not in given):
        advice = question.recommend(before(given, question.key))
        value = question.show(advice.value) if advice else "PATH" if question.kind == "text" else "N"
        note = "recommended" if advice else f"no default: {question.prompt}"
        lines.append(f"  {f'--set {question.key}={value}':<44} {note}")
    if lines:
        hint = [] if defaults else ["Give them with --set or --answers; --defaults takes what is recommended."]
        raise CnnwizError("\n".join(["these answers are missing, and there is nobody to ask:", *lines, *hint]))


def _converse(given: Answers, level: Level | None, output: str, force: bool, plain: bool) -> int:
    """Ask, review, write."""
    from cnnwiz.cli.console import is_plain
    from cnnwiz.cli.dialogue import Session, choose_level
    from cnnwiz.cli.numbered import Numbered
    from cnnwiz.cli.prompts import Prompts

    front: Front = Numbered() if plain or is_plain() else Prompts()
    session = Session(front, given, level or "guided", output)
    front.say("cnnwiz new writes one YAML file at the end, nothing before that.")
    try:
        session.level = level or choose_level(front, given)
        if session.run() and (force or _settle_target(session)):
            _write(session.answers, session.target, force=True)
            front.show(f"Same answers without questions:\n  {_command(session, finished=True)}")
            return 0
    except KeyboardInterrupt:
        pass
    front.show(f"Nothing was written. To go on with these answers:\n  {_command(session, finished=False)}")
    return 130


def _settle_target(session: Session) -> bool:
    """Ask before an existing file is replaced, or for another name; False if the user would rather quit."""
    from cnnwiz.cli.dialogue import Page
    from cnnwiz.decisions import Option, spec_from

    target = session.target or f"{spec_from(session.answers).name}.yaml"
    options = (
        Option("rename", "leave it and choose another name"),
        Option("replace", "write the new spec over it"),
        Option("quit", "leave it and write nothing"),
    )
    while target != "-" and Path(target).exists():
        reply = session.front.ask(Page(f"{target} exists. What now?", "output", "choice", "rename", options))
        if reply == "replace":
            break
        if reply == "quit":
            return False
        if reply == "rename":
            name = session.front.ask(Page("Name of the file", "output", "text", target))
            target = name if isinstance(name, str) else target
    session.target = target
    return True


def _command(session: Session, finished: bool) -> str:
    """The command that gives the same answers: all of them, or once finished those that are not recommended anyway."""
    import shlex

    from cnnwiz.decisions import before, question

    words = ["cnnwiz", "new"]
    words += ["-o", session.target] if session.target else []
    words += ["--defaults"] if finished else ["--level", session.level]
    for key, value in session.answers.items():
        item = question(key)
        advice = item.recommend(before(session.answers, key))
        if not finished or advice is None or advice.value != value:
            words += ["--set", f"{key}={item.show(value)}"]
    return shlex.join(words)


def _write(answers: Answers, output: str, force: bool) -> None:
    from cnnwiz.cli.plain import visible
    from cnnwiz.decisions import reasons, spec_from
    from cnnwiz.spec.write import write

    spec = spec_from(answers)
    text = write(spec, reasons(answers))
    target = output or f"{spec.name}.yaml"
    if target == "-":
        sys.stdout.write(text)
        return
    save(text, Path(target), force)
    lines = [f"wrote {target} ({len(text.splitlines())} lines)", f"  cnnwiz lint {target}", f"  cnnwiz train {target}"]
    sys.stderr.write(visible("\n".join(lines)) + "\n")


def save(text: str, path: Path, force: bool) -> None:
    """Write the whole file or nothing: a new file beside it, then one rename. Raises CnnwizError, 2 or 4."""
    if path.exists() and not force:
        raise CnnwizError(f"{path} exists; give another name, or --force to replace it")
    if not path.parent.is_dir():
        raise CnnwizError(f"{path}: there is no folder {path.parent}; make it first")
    fresh = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with fresh.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise CnnwizError(f"{path}: cannot be written: {error.strerror}", 4) from None
    finally:
        fresh.unlink(missing_ok=True)
