"""Which findings of `cnnwiz lint` count, and how much: the command line before the configuration before defaults."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, Literal

from cnnwiz.cli.config import Config, find_config
from cnnwiz.errors import CnnwizError
from cnnwiz.rules import RULES, find, selected
from cnnwiz.rules.suppression import LASTING
from cnnwiz.spec import Finding, Severity
from cnnwiz.spec.finding import SEVERITIES

Threshold = Literal["error", "warning", "info", "never"]


@dataclass(frozen=True)
class Settings:
    """What applies to one run."""

    select: tuple[str, ...] = ()
    """Only these rules; all, where empty."""
    extend_select: tuple[str, ...] = ()
    """Rules that are shown whatever their severity."""
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Patterns of files that directories are searched without."""
    per_file_ignores: dict[str, list[str]] = field(default_factory=dict)
    severity: dict[str, Severity] = field(default_factory=dict)
    """Code to severity."""
    fail_on: Threshold = "error"
    baseline: Path | None = None
    all: bool = False
    """Whether findings of severity info are shown."""
    folder: Path = Path()
    """Where patterns begin."""
    origin: dict[str, str] = field(default_factory=dict)
    """Key to where its value comes from."""

    @property
    def failing(self) -> tuple[Severity, ...]:
        return () if self.fail_on == "never" else SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]

    def applied(self, findings: Iterable[Finding], name: str) -> list[Finding]:
        """The findings of a file that count, with the severity they count with."""
        ignore = [*self.ignore, *(word for words in self._ignored(name) for word in words)]
        chosen = selected(findings, (*self.select, *self.extend_select) if self.select else (), ignore)
        return [f._replace(severity=self.severity[f.code]) if f.code in self.severity else f for f in chosen]

    def shown(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those that people are to see: of severity info only what was asked for."""
        if self.all or self.select or self.fail_on == "info":
            return tuple(findings)
        asked = {rule.code for word in self.extend_select for rule in find(word)}
        return tuple(f for f in findings if f.severity != "info" or f.code in asked)

    def excludes(self, path: Path) -> bool:
        return any(_matches(path, pattern, self.folder) for pattern in self.exclude)

    def _ignored(self, name: str) -> list[list[str]]:
        return [rules for pattern, rules in self.per_file_ignores.items() if _matches(Path(name), pattern, self.folder)]


def settings_for(
    start: Path, given: dict[str, Any], config_file: Path | None = None, isolated: bool = False
) -> Settings:
    """The settings for files below `start`; `given` is what the command line says, by key.

    Raises CnnwizError for what no rule is called, and for a severity below error of what leaves no network to train.
    """
    config = Config(None, {}) if isolated else find_config(config_file, start)
    problems = [config.problem(key, message) for key, message in _wrong_words(config.values)]
    problems += [f"{key}: {message}" for key, message in _wrong_words(given)]
    if problems:
        raise CnnwizError("\n".join(problems))
    values = {**config.values, **given}
    places = {key: "command line" if key in given else str(config.path) for key in values}
    baseline = values.get("baseline")
    if baseline and "baseline" not in given:
        baseline = config.folder / baseline
    severity = {rule.code: level for word, level in values.get("severity", {}).items() for rule in find(word)}
    return Settings(
        select=_words(values.get("select", ())),
        extend_select=_words(values.get("extend-select", ())),
        ignore=_words(values.get("ignore", ())),
        exclude=tuple(values.get("exclude", ())),
        per_file_ignores={
            pattern: list(_words(words)) for pattern, words in values.get("per-file-ignores", {}).items()
        },
        severity=severity,
        fail_on=values.get("fail-on", "error"),
        baseline=Path(baseline) if baseline else None,
        all=values.get("all", False),
        folder=config.folder.resolve(),
        origin=places,
    )


def _wrong_words(values: dict[str, Any]) -> list[tuple[str, str]]:
    """(key, message) for every word that stands for no rule."""
    tables = {key: values.get(key, {}) for key in ("per-file-ignores", "severity")}
    words = [(key, word) for key in ("select", "extend-select", "ignore") for word in _words(values.get(key, ()))]
    words += [("per-file-ignores", word) for words in tables["per-file-ignores"].values() for word in _words(words)]
    words += [("severity", word) for word in tables["severity"]]
    wrong = [
        (f"{key}/{word}", f"no rule is called {word!r}; {_nearest(word)}") for key, word in words if not find(word)
    ]
    for word, level in tables["severity"].items():
        stuck = [r.code for r in find(word) if r.severity == "error" and (r.code[:4] == "CNN9" or r.code in LASTING)]
        if stuck and level != "error":
            wrong.append((f"severity/{word}", f"{', '.join(stuck)} must stay an error: it leaves no network to train"))
    return wrong


def _nearest(word: str) -> str:
    names = [name for rule in RULES for name in (rule.code, rule.name)]
    close = get_close_matches(word[:100], names, n=2, cutoff=0.4)
    return f"nearest: {', '.join(close)}" if close else "cnnwiz rules lists them"


def _words(values: Sequence[str]) -> tuple[str, ...]:
    """Rules as they were named, split at commas."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def _matches(path: Path, pattern: str, folder: Path) -> bool:
    """Whether a path below `folder` fits: itself, a folder above it, or the name of either where there is no slash.

    `*` crosses slashes.
    """
    relative = PurePath(os.path.relpath(path, folder))
    above = (relative, *relative.parents)
    return any(fnmatchcase(part.as_posix(), pattern) or fnmatchcase(part.name, pattern) for part in above)
