"""What was measured here: the numbers follow from the accuracies beside them, and every page tells them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml
from scipy import stats

from cnnwiz.knowledge import measured
from cnnwiz.rules import find
from cnnwiz.rules.page import rule_page

CAMPAIGNS = Path(__file__).parent / "campaigns"
TABLE = yaml.safe_load((CAMPAIGNS / "effects.yaml").read_text(encoding="utf-8"))
TRIALS = {trial["code"]: trial for trial in TABLE["trials"]}


@pytest.fixture(scope="module")
def effects() -> ModuleType:
    where = importlib.util.spec_from_file_location("effects", CAMPAIGNS / "effects.py")
    assert where is not None
    assert where.loader is not None
    module = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    return module


def test_trials_are_of_rules_and_each_rule_has_one() -> None:
    assert len(TRIALS) == len(TABLE["trials"]) >= 60
    assert all(len(find(code)) == 1 for code in TRIALS)
    assert set(measured()) <= set(TRIALS)
    assert len(measured()) >= 30


@pytest.mark.parametrize("code", measured())
def test_effect_and_interval_are_those_of_a_paired_t_test(code: str) -> None:
    row = measured()[code]
    differences = np.subtract(row.bad, row.good)
    assert len(differences) == 3
    low, high = stats.t.interval(0.95, 2, differences.mean(), max(stats.sem(differences), 1e-12))
    assert row.effect_pp == pytest.approx(differences.mean(), abs=0.02)
    assert row.interval_pp == pytest.approx((high - low) / 2, abs=0.06)  # accuracies are rounded to 0.01
    assert row.what == TRIALS[code]["what"]


@pytest.mark.parametrize("code", measured())
def test_pages_tell_what_was_measured_contradictions_included(code: str) -> None:
    row, page = measured()[code], " ".join(rule_page(find(code)[0]).split())
    assert f"{row.effect_pp:+.1f} points +- {row.interval_pp:.1f} (95 %, paired): {row.what}" in page
    if abs(row.effect_pp) > row.interval_pp:
        assert ("contradicts the rule" in page) == (row.effect_pp > 0)
    else:
        assert "not told apart from no difference" in page


def test_the_bad_spec_is_one_the_rule_finds_unless_the_page_says_otherwise(effects: ModuleType) -> None:
    for code, row in measured().items():
        trial = TRIALS[code]
        assert row.fires == effects.fires(trial, TABLE["bases"][trial["base"]]), code
        assert ("keeps silent about such networks" in " ".join(rule_page(find(code)[0]).split())) != row.fires
    assert sum(row.fires for row in measured().values()) > len(measured()) / 2


def test_changes_replace_choices_and_merge_parts(effects: ModuleType) -> None:
    base = {"model": {"layers": [1], "head": "average"}, "optimizer": {"sgd": {"lr": 1}}}
    assert effects.changed(base, {"model": {"head": "conv"}, "optimizer": "adam"}) == {
        "model": {"layers": [1], "head": "conv"},
        "optimizer": "adam",
    }
    assert base["model"]["head"] == "average"
