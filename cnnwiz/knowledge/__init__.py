"""What is known: measured effects that rules and choices cite, each with its conditions and its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

REPOSITORY = "ducha-aiki/caffenet-benchmark"
"""Where the numbers were published, on github.com; commit e47c4ff."""


@dataclass(frozen=True)
class Evidence:
    """One measured effect."""

    id: str
    effect_pp: float | None
    """Change of top-1 accuracy in points; None where the run did not train."""
    what: str
    setting: str
    """The conditions under which it was measured."""
    source: str
    status: str


def evidence(id: str) -> Evidence:
    """The effect with this id; KeyError where there is none."""
    return everything()[id]


@cache
def everything() -> dict[str, Evidence]:
    """All effects by id."""
    text = files(__name__).joinpath("evidence.yaml").read_text(encoding="utf-8")
    table = yaml.safe_load(text)
    found = {}
    for row in table["effects"]:
        row["setting"] = table["settings"][row["setting"]]
        row["source"] = f"{REPOSITORY} {row['source']}"
        found[row["id"]] = Evidence(**row)
    return found
