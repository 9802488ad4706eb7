"""The baseline: a file that holds what was found on the day it was written, so that only what is new counts."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from cnnwiz.cli.formats.report import Checked, identity
from cnnwiz.errors import CnnwizError
from cnnwiz.rules.suppression import lasting
from cnnwiz.spec import Finding

VERSION = 1


class Baseline(NamedTuple):
    """How often each finding is known in each file; files are named from the baseline's own folder."""

    path: Path
    known: dict[str, dict[str, int]]

    def split(self, name: str, findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
        """The findings that are new, and those that are known.

        Where a file has more of one kind than are known, all of that kind are new: which one came last cannot be told.
        What leaves no network to train is never known.
        """
        listed = list(findings)
        known = self.known.get(self._name(name), {})
        counts = Counter(map(identity, listed))
        old = {kind for kind, number in counts.items() if number <= known.get(kind, 0)}
        is_old = [identity(finding) in old and not lasting(finding) for finding in listed]
        pairs = list(zip(listed, is_old, strict=True))
        return [finding for finding, flag in pairs if not flag], [finding for finding, flag in pairs if flag]

    def gone(self, files: Iterable[Checked]) -> int:
        """How many known findings of these files are no longer there."""
        gone = 0
        for checked in files:
            counts = Counter(map(identity, (*checked.findings, *checked.accepted)))
            known = self.known.get(self._name(checked.document.name), {})
            gone += sum(max(0, number - counts[kind]) for kind, number in known.items())
        return gone

    def with_files(self, files: Iterable[Checked]) -> str:
        """The text of a baseline that also knows everything found in these files, and nothing else of them."""
        known = dict(self.known)
        for checked in files:
            found = [finding for finding in (*checked.findings, *checked.accepted) if not lasting(finding)]
            known[self._name(checked.document.name)] = dict(sorted(Counter(map(identity, found)).items()))
        kept = {name: kinds for name, kinds in sorted(known.items()) if kinds}
        return json.dumps({"version": VERSION, "files": kept}, indent=2) + "\n"

    def _name(self, name: str) -> str:
        return PurePath(os.path.relpath(name, self.path.parent)).as_posix()


def read_baseline(path: Path, may_be_missing: bool) -> Baseline:
    """The baseline in this file; CnnwizError where there is none or it is not one."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if may_be_missing:
            return Baseline(path, {})
        raise CnnwizError(f"{path}: there is no baseline; --write-baseline writes it") from None
    except OSError as error:
        raise CnnwizError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise _damaged(path) from None
    if not _is_baseline(values):
        raise _damaged(path)
    return Baseline(path, values["files"])


def _damaged(path: Path) -> CnnwizError:
    return CnnwizError(f"{path}: not a baseline of this cnnwiz; remove it and write it anew with --write-baseline")


def _is_baseline(values: Any) -> bool:
    files = values.get("files") if isinstance(values, dict) and values.get("version") == VERSION else None
    return isinstance(files, dict) and all(
        isinstance(kinds, dict) and all(type(number) is int for number in kinds.values()) for kinds in files.values()
    )
