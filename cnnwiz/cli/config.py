"""The configuration of `cnnwiz lint` in a file: cnnwiz.toml, or [tool.cnnwiz] of pyproject.toml."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cnnwiz.errors import CnnwizError

LISTS = ("select", "extend-select", "ignore", "exclude")
KEYS = {
    **dict.fromkeys(LISTS, "a list of texts"),
    "per-file-ignores": "a table from patterns to lists of rules",
    "severity": "a table from rules to error, warning or info",
    "fail-on": "error, warning, info or never",
    "baseline": "a path",
    "all": "true or false",
}
"""Every key, and what it takes."""


@dataclass(frozen=True)
class Config:
    """What a configuration file says; `path` is None where there is none."""

    path: Path | None
    values: dict[str, Any]
    text: str = ""

    @property
    def folder(self) -> Path:
        """Where its patterns and paths begin."""
        return self.path.parent if self.path else Path.cwd()

    def problem(self, key: str, message: str) -> str:
        """file:line: message, and the line in question."""
        number, line = self._line(key)
        return f"{self.path}:{number}: {message}\n  |\n{number} | {line}\n  |"

    def _line(self, key: str) -> tuple[int, str]:
        """Where the last word of `key` stands; the parser does not say."""
        lines = self.text.splitlines() or [""]
        begin = next((i for i, line in enumerate(lines) if re.match(r"\s*\[\s*tool\s*\.\s*.?cnnwiz", line)), 0)
        word = re.compile(rf"(?<![\w-]){re.escape(key.split('/')[-1])}(?![\w-])")
        found = next((i for i in range(begin, len(lines)) if word.search(lines[i])), begin)
        return found + 1, lines[found]


def find_config(given: Path | None, start: Path) -> Config:
    """The configuration in `given`, else the first one from `start` upwards to the root of the repository."""
    if given is not None:
        found = _read(given)
        return found if found else Config(given, {})
    for folder in [start, *start.parents]:
        for name in ("cnnwiz.toml", "pyproject.toml"):
            if (folder / name).is_file() and (found := _read(_from_here(folder / name))):
                return found
        if (folder / ".git").exists():
            break
    return Config(None, {})


def _from_here(path: Path) -> Path:
    """A path as people would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _read(path: Path) -> Config | None:
    """What the file says; None for a pyproject.toml that says nothing of cnnwiz. CnnwizError where it is not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise CnnwizError(f"{path}: cannot be read: {reason}") from None
    if path.name == "pyproject.toml" and "cnnwiz" not in text:
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # pyright: ignore[reportMissingImports]
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CnnwizError(f"{path}: not TOML: {error}") from None
    if path.name == "pyproject.toml":
        tool = values.get("tool")
        values = tool.get("cnnwiz") if isinstance(tool, dict) else None
        if values is None:
            return None
    config = Config(path, values if isinstance(values, dict) else {}, text)
    problems = ["tool.cnnwiz is a table of keys"] if not isinstance(values, dict) else list(_problems(config))
    if problems:
        raise CnnwizError("\n".join(problems))
    return config


def _problems(config: Config) -> Iterator[str]:
    """Unknown keys, and values of the wrong kind."""
    for key, value in config.values.items():
        if key not in KEYS:
            close = get_close_matches(key[:100], KEYS, n=1, cutoff=0.6)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield config.problem(key, f"no key is called {key!r}{hint}; keys: {', '.join(KEYS)}")
        elif not _fits(key, value):
            yield config.problem(key, f"{key} takes {KEYS[key]}")


def _fits(key: str, value: Any) -> bool:
    if key in LISTS:
        return _texts(value)
    if key == "per-file-ignores":
        return isinstance(value, dict) and all(map(_texts, value.values()))
    if key == "severity":
        return isinstance(value, dict) and all(word in ("error", "warning", "info") for word in value.values())
    if key == "fail-on":
        return value in ("error", "warning", "info", "never")
    return isinstance(value, bool if key == "all" else str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
