"""Every line of the document is in the README's table, can be written in a spec or is a rule, and has its test."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from readme import documented_lines

from cnnwiz.catalog.normalization import BatchNorm
from cnnwiz.catalog.primitive import Drop
from cnnwiz.rules import RULES
from cnnwiz.spec import parse_text

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parents[1] / "shared" / "choices.md"
LINES = [line for lines in documented_lines().values() for line in lines]
BASE = {"cnnwiz": 1, "model": {"layers": [{"conv": {"channels": 8}}]}}


def merged(base: object, other: object) -> object:
    """`other` laid over `base`, mapping by mapping."""
    if isinstance(base, dict) and isinstance(other, dict):
        return {key: merged(base.get(key), other[key]) if key in other else base[key] for key in {**base, **other}}
    return other


def test_no_line_of_the_document_is_missing() -> None:
    if not DOCUMENT.exists():
        pytest.skip(f"{DOCUMENT} is not here")
    text = re.sub(r"\n  +", " ", DOCUMENT.read_text(encoding="utf-8"))  # wrapped lines
    assert [line["line"] for line in LINES] == re.findall(r"^- (.*)$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("spec", [spec for line in LINES for spec in line.get("specs", ())])
def test_a_spec_can_say_it(spec: str) -> None:
    document = parse_text(yaml.safe_dump(merged(BASE, yaml.safe_load(spec))))
    assert document.spec is not None, [finding.message for finding in document.findings]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["line"][:50])
def test_its_rules_and_tests_exist(line: dict[str, Any]) -> None:
    assert line["tests"]
    assert {"specs", "rules", "command"} & set(line)
    assert set(line.get("rules", ())) <= {rule.code for rule in RULES}
    for name in line["tests"]:
        file, function = name.split("::")
        tree = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_dropout_keeps_the_mean() -> None:
    module = Drop(rate=0.25).build((4, 50, 50)).train()
    torch.manual_seed(0)
    kept = module(torch.ones(8, 4, 50, 50))
    assert kept.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert kept.mean().item() == pytest.approx(1, abs=4 * (1 / 3 / kept.numel()) ** 0.5)  # variance p / (1 - p)


def test_batch_norm_standardizes_channels() -> None:
    module = BatchNorm().build((3, 5, 5)).train()
    values = torch.randn(16, 3, 5, 5) * torch.tensor([1.0, 10.0, 0.1])[:, None, None] + 7
    put_out = module(values)
    assert put_out.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    variance = values.var(dim=(0, 2, 3), unbiased=False)
    assert put_out.var(dim=(0, 2, 3), unbiased=False).tolist() == pytest.approx((variance / (variance + 1e-5)).tolist())
