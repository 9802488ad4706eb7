"""What the output formats are given: files with their findings, and what names a finding and its file elsewhere."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

from cnnwiz.cli.frame import Paint, plainly
from cnnwiz.rules.suppression import Silenced
from cnnwiz.spec import Document, Finding, Severity


class Checked(NamedTuple):
    """A file: what was found in it, and what comments or the baseline keep from counting."""

    document: Document
    findings: tuple[Finding, ...]
    silenced: tuple[Silenced, ...] = ()
    accepted: tuple[Finding, ...] = ()
    """Those that the baseline holds."""
    hidden: int = 0
    """How many of severity info are not shown."""


class Report(NamedTuple):
    """The result of one run of `cnnwiz lint`."""

    files: tuple[Checked, ...]
    failing: tuple[Severity, ...]
    """The severities that make the command fail."""
    paint: Paint = plainly
    quiet: bool = False

    @property
    def findings(self) -> Iterator[tuple[Finding, Document]]:
        """Every finding that counts, file by file."""
        return ((finding, checked.document) for checked in self.files for finding in checked.findings)

    @property
    def failed(self) -> bool:
        return any(finding.severity in self.failing for finding, _ in self.findings)


def identity(finding: Finding) -> str:
    """What stays the same when lines and layers are inserted: the code, and the path without its numbers."""
    words = [part if isinstance(part, str) else "[]" for part in finding.path]
    return " ".join([finding.code, *words])


def fingerprints(findings: list[Finding], name: str) -> list[str]:
    """For each finding of a file a text that is its own, and the same after lines have moved."""
    import hashlib

    seen: Counter[str] = Counter()
    found = []
    for finding in findings:
        key = identity(finding)
        seen[key] += 1
        found.append(hashlib.sha256("\0".join([name, key, str(seen[key])]).encode()).hexdigest()[:32])
    return found


def from_root(name: str) -> str:
    """A file's path from the root of the checkout on GitHub and GitLab, else from here; with slashes."""
    root = os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR") or os.curdir
    if name.startswith("<"):  # standard input
        return name
    try:
        return PurePath(os.path.relpath(name, root)).as_posix()
    except ValueError:  # another drive
        return PurePath(name).as_posix()
