"""Where runs are, and what run.json says of one. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnnwiz.errors import CnnwizError
from cnnwiz.training.files import unusable, write_text


def claim_run_dir(base: Path, name: str) -> Path:
    """Make the first of base/name-1, -2, ... that does not exist; of several processes each gets its own."""
    while True:
        path = next_run_dir(base, name)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise unusable(path, error) from None
        return path


def next_run_dir(base: Path, name: str) -> Path:
    """base/name-1, -2, ...: the first that does not exist."""
    number = 1
    while (base / f"{name}-{number}").exists():
        number += 1
    return base / f"{name}-{number}"


def require_run(path: Path) -> None:
    """Raise CnnwizError (code 2) unless this is a run directory: spec.yaml is the first thing written into one."""
    if not (path / "spec.yaml").is_file():
        raise CnnwizError(f"{path}: not a run directory (it has no spec.yaml)")


def read_record(path: Path) -> dict[str, Any]:
    """What run.json holds; {} before it is first written."""
    try:
        return json.loads((path / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CnnwizError(f"{path / 'run.json'}: cannot be read: {error}", code=4) from None


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Replace run.json."""
    write_text(path / "run.json", json.dumps(record, indent=2, allow_nan=False) + "\n")
