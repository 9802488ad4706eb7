"""What `cnnwiz new` begins with: the spec or template that is edited, the images, and answers from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.decisions import Answers, Background
    from cnnwiz.spec import Document


@dataclass(frozen=True)
class Start:
    """Answers before the first question, and where they come from."""

    answers: Answers
    document: Document | None  # the text that is edited
    file: str  # its path, empty for templates
    options: tuple[str, ...]  # of the command that begins here again
    lines: tuple[str, ...]  # what to say

    def target(self, answers: Answers) -> str:
        """The file to write where none was named."""
        from cnnwiz.decisions import before

        return self.file or f"{before(answers)['name']}.yaml"


def begin(
    data: str, from_: str, template: str, pairs: list[str], answers: str, progress: Callable[[str], None]
) -> Start:
    """Read everything that the options name. Raises CnnwizError that lists all that is wrong."""
    from cnnwiz.cli.look import looked_at
    from cnnwiz.decisions import Background, take

    if from_ and template:
        raise CnnwizError("--from and --template both say where to begin; give one")
    document = _document(from_, template)
    about = Background()
    if document and document.spec:
        from cnnwiz.decisions.decompose import background_of

        about = background_of(document.spec)
    texts, problems = _given(data, pairs, answers)
    lines: list[str] = []
    images, wrong = take({key: text for key, text in texts.items() if _names_images(key)}, about)
    if not wrong and not problems:
        images, lines = looked_at(images, progress)
    given, wrong = take(texts, images.about)
    if problems + wrong:
        raise CnnwizError("\n".join([*problems, *wrong, "nothing was written"]))
    named = ("--from", from_) if from_ else ("--template", template) if template else ()
    return Start(given, document, from_, named, (*lines, *_kept(given), *_given_up(about, given)))


def _names_images(key: str) -> bool:
    return key in ("data.source", "data.path") or key.startswith("data.source.")


def _kept(answers: Answers) -> list[str]:
    """What of the edited spec no question can change, a sentence."""
    about = answers.about
    if about.base is None or not about.kept:
        return []
    shape = [key for key in about.kept if key.startswith("architecture.")]
    named = sorted(about.kept - set(shape)) + (["model.layers"] if shape else [])
    return [f"Kept as in the file, for no question is on it: {', '.join(named)}."]


def _given_up(about: Background, answers: Answers) -> list[str]:
    """Values of the edited spec that do not go with the answers, a sentence each."""
    from cnnwiz.decisions import before, question

    known = before(answers)
    others = {key: known[key] for key in about.values if key in known and key not in answers}
    return [
        f"Not as in the file: {key} is {question(key).show(value)} instead of {question(key).show(about.values[key])}, "
        "which does not go with the other answers."
        for key, value in others.items()
        if value != about.values[key]
    ]


def _document(from_: str, template: str) -> Document | None:
    """The spec that is edited. Raises SpecError where it is wrong."""
    from cnnwiz.spec import SpecError, open_document

    if template:
        from cnnwiz.cli.templates import path_of

        document = open_document(path_of(template))
    elif from_:
        document = open_document(from_)
    else:
        return None
    if document.spec is None:
        raise SpecError(document)
    return document


def _given(data: str, pairs: list[str], answers: str) -> tuple[dict[str, str], list[str]]:
    """Key to text from --set, else --data, else the file of answers, and what is wrong with them."""
    from cnnwiz.cli.look import source_at

    texts, problems = _read_answers(answers) if answers else ({}, [])
    texts |= source_at(data) if data else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if equals:
            texts[key.strip()] = value
        else:
            problems.append(f"--set {pair[:60]!r} has no '='; write --set KEY=VALUE")
    return texts, problems


def _read_answers(file: str) -> tuple[dict[str, str], list[str]]:
    """Key to text from a YAML mapping of keys to scalars or lists of scalars, and what is wrong with it."""
    from cnnwiz.spec import open_document

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
