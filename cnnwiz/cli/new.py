"""`cnnwiz new`: questions, answers from elsewhere, and the spec they make."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.decisions import Answers


def new(
    output: str = typer.Option("", "--output", "-o", help="File to write, or - for stdout.", show_default="NAME.yaml"),
    level: Literal["recommended", "guided", "all"] = typer.Option("guided", help="How much is asked."),
    set_: list[str] = typer.Option([], "--set", metavar="KEY=VALUE", help="Answer one question; may be repeated."),
    answers_file: str = typer.Option("", "--answers", metavar="FILE", help="YAML file of answers, or - for stdin."),
    defaults: bool = typer.Option(False, "--defaults", help="Take the recommended answer wherever none is given."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it exists."),
) -> None:
    """Decide about a network and write its spec.

    Answers come from --set, else from --answers, else as recommended. Example:
    cnnwiz new --defaults --set data.source=folder --set data.path=photos -o photos.yaml
    """
    from cnnwiz.decisions import missing, reasons, spec_from
    from cnnwiz.spec.write import write

    given = _given(set_, answers_file)
    if wanting := missing(given):
        lines = [f"  {q.key:<16} {q.prompt:<40} --set {q.key}={'PATH' if q.kind == 'text' else 'N'}" for q in wanting]
        raise CnnwizError("no terminal, and these answers have no default:\n" + "\n".join(lines))
    spec = spec_from(given)
    text = write(spec, reasons(given))
    save(text, output or f"{spec.name}.yaml", force)


def _given(pairs: list[str], file: str) -> Answers:
    """The answers from the command line and the answers file. Raises CnnwizError that lists all that is wrong."""
    from cnnwiz.decisions import take

    texts, problems = _read_answers(file) if file else ({}, [])
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            problems.append(f"--set {pair[:60]!r} has no '='; write --set KEY=VALUE")
        texts[key.strip()] = value
    given, wrong = take(texts)
    if problems + wrong:
        raise CnnwizError("\n".join([*problems, *wrong, "nothing was written"]))
    return given


def _read_answers(file: str) -> tuple[dict[str, str], list[str]]:
    """Key to text from a YAML mapping of keys to scalars or lists of scalars, and what is wrong with it."""
    from cnnwiz.spec.file import open_document

    document = open_document(file)
    problems = [
        f"{file}:{f.span.line}:{f.span.column}: {f.message}" for f in document.findings if document.root is None
    ]
    texts = {}
    for key, node in (document.root.value if document.root else {}).items():
        items = node.value if node.kind == "list" else [node]
        if any(item.kind != "scalar" for item in items):
            problems.append(
                f"{file}:{node.span.line}:{node.span.column}: {key} takes a word, a number or a list of them"
            )
            continue
        texts[key] = ",".join(item.text for item in items)
    return texts, problems


def save(text: str, target: str, force: bool) -> None:
    """Write the whole file or nothing: a new file beside the target, then one rename. '-' is standard output."""
    if target == "-":
        sys.stdout.write(text)
        return
    path = Path(target)
    if path.exists() and not force:
        raise CnnwizError(f"{target} exists; give another name, or --force to replace it")
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise CnnwizError(f"{target}: cannot be written: {error.strerror}", 4) from None
