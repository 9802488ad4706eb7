"""`--set KEY=VALUE` of commands that read a spec: other values than the file's, for this time only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cnnwiz.decisions.amend import amend
from cnnwiz.errors import CnnwizError
from cnnwiz.spec import Document, parse_text
from cnnwiz.spec.finding import Finding, Path
from cnnwiz.spec.reader import Unreadable, read
from cnnwiz.spec.write import flow

PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def overridden(document: Document, settings: Sequence[str]) -> Document:
    """The document, which is right, with the value of each `KEY=VALUE`; its comments and layout stay.

    A key is the path in the file, as in `optimizer.sgd.lr=0.05` or `model.layers[0].conv.channels=32`; a value is
    written as it would be there. Raises CnnwizError that names every setting that is wrong.
    """
    if not settings:
        return document
    assert document.root is not None, "only documents that are right are changed"
    tree = document.root.data()
    paths = {}
    for setting in settings:
        path, value = _parsed(setting)
        try:
            tree = _with(tree, path, value)
        except IndexError as error:
            raise CnnwizError(f"--set {setting}: {error}") from None
        paths[path] = setting
    made = parse_text(flow(tree))
    if made.spec is None:
        errors = (finding for finding in made.findings if finding.severity == "error")
        raise CnnwizError("\n".join(_problem(finding, paths) for finding in errors))
    return parse_text(amend(document, made.spec, {}).text, document.name)


def _parsed(setting: str) -> tuple[Path, Any]:
    key, equals, text = setting.partition("=")
    path = tuple(int(match[2]) if match[2] else match[1] for match in PART.finditer(key.strip()))
    if not equals or not path:
        raise CnnwizError(f"--set {setting}: write KEY=VALUE, as in training.epochs=3")
    try:
        root, problems = read(f"value: {text}\n")
    except Unreadable as error:
        raise CnnwizError(f"--set {setting}: {error.finding.message}") from None
    value = root.value["value"].data() if len(root.value) == 1 else None
    errors = [problem.message for problem in problems if problem.severity == "error"]
    if errors or value is None:
        raise CnnwizError(f"--set {setting}: {errors[0] if errors else 'the value is missing'}")
    return path, value


def _with(tree: Any, path: Path, value: Any) -> Any:
    """The tree with a value at a path; what is missing on the way is made, a choice by name gets parameters."""
    if not path:
        return value
    first, *rest = path
    if isinstance(tree, tuple):
        if not isinstance(first, int) or first >= len(tree):
            raise IndexError(f"a list of {len(tree)} has no {first}; its items are [0] to [{len(tree) - 1}]")
        return (*tree[:first], _with(tree[first], tuple(rest), value), *tree[first + 1 :])
    held: dict[Any, Any] = tree if isinstance(tree, dict) else {} if tree in (None, first) else {str(tree): {}}
    return {**held, first: _with(held.get(first), tuple(rest), value)}


def _problem(finding: Finding, paths: dict[Path, str]) -> str:
    """A problem behind the setting it comes from."""
    for path, setting in reversed(paths.items()):
        if finding.path[: len(path)] == path or path[: len(finding.path)] == finding.path:
            return f"--set {setting}: {finding.message}"
    return f"--set {' '.join(paths.values())}: {finding.message}"
