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

    def points(self, unit: str = "") -> str:
        """The effect with its sign, as `+1.7` or, with the unit, `+1.7 points`."""
        return "did not train" if self.effect_pp is None else f"{self.effect_pp:+.1f}{unit}"


@dataclass(frozen=True)
class Measured:
    """What training the bad and the good spec of a rule gave here, three seeds each."""

    code: str
    what: str
    data: str
    bad: tuple[float, ...]
    """Test accuracies in percent, one for each seed."""
    good: tuple[float, ...]
    effect_pp: float
    """Mean difference of bad and good in points."""
    interval_pp: float
    """Half the 95 % interval of the difference."""
    fires: bool
    """Whether the rule finds something in the bad spec, or keeps silent about networks of that kind."""

    @property
    def verdict(self) -> str:
        """What the difference says about the rule."""
        if abs(self.effect_pp) <= self.interval_pp:
            return "not told apart from no difference"
        return "agrees with the rule" if self.effect_pp < 0 else "contradicts the rule"


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


@cache
def measured() -> dict[str, Measured]:
    """What was measured here, by the code of the rule."""
    table = yaml.safe_load(files(__name__).joinpath("measured.yaml").read_text(encoding="utf-8"))
    rows = [{**row, "bad": tuple(row["bad"]), "good": tuple(row["good"])} for row in table["effects"]]
    return {row["code"]: Measured(**row) for row in rows}
