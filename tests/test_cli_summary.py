"""`cnnwiz summary`: the JSON that other programs read, and tables that add up and fit into 80 columns."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import networks, unhurried

from cnnwiz.__main__ import run
from cnnwiz.cli.plain import aligned
from cnnwiz.cli.summary import words
from cnnwiz.graph import graph_of, summary
from cnnwiz.graph.summary import by_line
from cnnwiz.spec import load, parse_text

TEMPLATES = sorted(Path(__file__).parents[1].joinpath("templates").glob("*.yaml"))
KEYS = ["name", "input", "classes", "parameters", "trainable_parameters", "macs", "activation_bytes", "receptive_field"]


def text_of(capsys, *arguments: str) -> str:
    assert run(["summary", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_json_is_the_contract(path, capsys):
    described = json.loads(text_of(capsys, str(path), "--output-format", "json"))
    assert (
        described == summary(load(path)) == json.loads(text_of(capsys, str(path), "--all", "--output-format", "json"))
    )
    assert [*described] == [*KEYS, "layers"]
    for layer in described["layers"]:
        assert [*layer] == ["name", "kind", "output", "parameters", "macs", "receptive_field"]
        assert len(layer["output"]) == 3
    for total in ("parameters", "macs"):
        assert described[total] == sum(layer[total] for layer in described["layers"])
    assert described["activation_bytes"] == 4 * sum(math.prod(layer["output"]) for layer in described["layers"])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
@pytest.mark.parametrize("options", [[], ["--all"]])
def test_tables_fit_and_add_up(path, options, capsys):
    text = text_of(capsys, str(path), *options)
    table, totals = text.split("\n\n")
    header, rule, *rows = table.splitlines()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert set(rule) <= {"-", " "}
    column = header.index("parameters") + len("parameters")
    found = [re.search(r"([\d,]+)$", row[:column].rstrip()) for row in rows if len(row) >= column]
    counts = [int(match[1].replace(",", "")) for match in found if match and match.end() == column]
    graph = graph_of(load(path))
    assert sum(counts) == graph.parameters
    assert f"{graph.parameters:,} parameters" in totals
    assert f"{graph.macs:,} MACs" in totals


@settings(unhurried, max_examples=40)
@given(networks())
def test_lines_share_all_operations_among_them(spec):
    graph = graph_of(spec)
    lines = by_line(graph, spec.model)
    assert len(lines) == len(spec.model.input) + len(spec.model.layers) + 1
    assert sum(line.parameters for line in lines) == graph.parameters
    assert sum(line.macs for line in lines) == graph.macs
    assert lines[-1].output == graph.output


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("conv: {channels: 64}", "conv 64"),
        ("conv: {channels: 64, kernel: 7, stride: 2}", "conv 64 7x7 /2"),
        ("conv: {channels: 64, kernel: [1, 7], stride: [2, 1], groups: 4, repeat: 3}", "conv 64 1x7 /2x1 groups 4 x3"),
        ("pool: {kernel: 3, stride: 2, padding: valid, ceil: true}", "pool 3x3 /2 padding valid ceil"),
        ("repeat: {times: 4, layers: [norm, norm]}", "repeat of 2 layers x4"),
        ("residual: {layers: [norm], shortcut: identity}", "residual of 1 layer shortcut identity"),
        ("branches: {paths: [[norm], []], merge: add}", "branches of 2 paths merge add"),
        ("norm", "norm"),
        ("activation: {kind: {elu: {alpha: 0.5}}}", "activation kind elu"),
    ],
)
def test_lines_in_a_few_words(layer, expected):
    spec = parse_text(f"cnnwiz: 1\nmodel: {{layers: [{layer}]}}\n").spec
    assert spec is not None
    assert words(spec.model.layers[0]) == expected


CELL = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=40)


@unhurried
@given(st.lists(st.tuples(CELL, st.integers(0, 10**9).map("{:,}".format)), max_size=6), st.integers(40, 100))
def test_nothing_is_cut_from_a_table(rows, width):
    text = aligned(("text", "number"), rows, (1,), width)
    assert all(len(line) <= width for line in text.splitlines())
    squeezed = "".join(text.split())
    for words_, number in rows:
        assert number in squeezed
        assert all(word[:8] in squeezed for word in words_.split())


def test_control_characters_of_a_spec_do_not_reach_the_terminal():
    assert "\x1b" not in aligned(("a", "b"), [("\x1b[31mred", "1")], (1,), 80)


def test_plain_text_in_a_pipe():
    command = [sys.executable, "-m", "cnnwiz", "summary", str(TEMPLATES[0])]
    output = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    assert b"\x1b" not in output
    assert output.isascii()
