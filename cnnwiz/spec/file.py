"""Files to documents: opening safely, decoding, and the error that lists every problem at file:line:column."""

from __future__ import annotations

import stat
import sys
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import NamedTuple

from cnnwiz.errors import CnnwizError
from cnnwiz.spec.document import Spec
from cnnwiz.spec.finding import START, Finding, Path, Span, ordered
from cnnwiz.spec.parse import parse
from cnnwiz.spec.reader import MAX_BYTES, Node, Unreadable, read


class Document(NamedTuple):
    """A spec file as read: its text, its tree (None when unreadable), its spec (None when wrong), its findings."""

    name: str
    text: str
    root: Node | None
    spec: Spec | None
    findings: tuple[Finding, ...]

    def span(self, path: Path) -> Span:
        """Where the value at `path` stands, or the nearest enclosing one when the file leaves it to a default."""
        if self.root is None:
            return START
        for length in range(len(path), 0, -1):
            node = self.root.get(path[:length])
            if node is not None:
                return node.span
        return Span(0, 0, 1, 1, 1, 1)

    def key_span(self, path: Path) -> Span:
        """Where the key that ends `path` stands; the value's place where there is no such key."""
        parent = self.root.get(path[:-1]) if self.root and path else None
        if parent is not None and parent.kind == "mapping" and path[-1] in parent.keys:
            return parent.keys[str(path[-1])]
        return self.span(path)


class SpecError(CnnwizError):
    """A spec that cannot be used; `document.findings` holds the reasons, the message lists them a line each."""

    def __init__(self, document: Document) -> None:
        lines = [
            f"{document.name}:{f.span.line}:{f.span.column}: {f.message}"
            for f in document.findings
            if f.severity == "error"
        ]
        super().__init__("\n".join(lines))
        self.document = document


def load(path: str | FilePath) -> Spec:
    """The spec in this file. Raises SpecError that lists all problems, CnnwizError when there is no such file."""
    document = open_document(path)
    if document.spec is None:
        raise SpecError(document)
    return document.spec


def open_document(path: str | FilePath) -> Document:
    """Read a file (or standard input for '-'); problems with its content are findings, not exceptions."""
    if str(path) == "-":
        return decode("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))
    return decode(str(path), _content(FilePath(path)))


def decode(name: str, content: bytes) -> Document:
    """The document in these bytes."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        span = Span(0, 0, line, 1, line, 1)
        finding = Finding(
            "CNN901", "yaml-syntax", "error", f"not UTF-8 at byte {error.start}; save it as UTF-8", (), span
        )
        return Document(name, "", None, None, (finding,))
    return parse_text(text, name)


def parse_text(text: str, name: str = "<text>") -> Document:
    """The document in this text."""
    try:
        root, findings = read(text)
    except Unreadable as error:
        return Document(name, text, None, None, (error.finding,))
    spec, problems = parse(root)
    # "'yes' is ambiguous" says enough; that it is no number need not be said too.
    ambiguous = {finding.span for finding in findings if finding.code == "CNN906"}
    problems = [problem for problem in problems if problem.code != "CNN903" or problem.span not in ambiguous]
    everything = tuple(ordered([*findings, *problems]))
    return Document(name, text, root, None if any(f.severity == "error" for f in everything) else spec, everything)


def _content(path: FilePath) -> bytes:
    """The bytes of a regular file, at most one more than a spec may have; pipes and devices are never opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CnnwizError(f"{path}: not a regular file; give the path of a spec")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CnnwizError(f"{path}: no such file{_similar(path)}") from None
    except (PermissionError, OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CnnwizError(f"{path}: cannot be read: {reason}") from None


def _similar(path: FilePath) -> str:
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml")]
    except OSError:
        return ""
    close = get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / close[0]}?" if close else ""
