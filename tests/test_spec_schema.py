"""The JSON Schema: valid itself, and of one mind with the parser about what a spec may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from strategies import specs, unhurried

from cnnwiz.__main__ import run
from cnnwiz.catalog import SECTIONS
from cnnwiz.spec import parse_text
from cnnwiz.spec.reader import read
from cnnwiz.spec.schema import json_schema
from cnnwiz.spec.write import write

TEMPLATES = sorted(Path(__file__).parents[1].joinpath("templates").glob("*.yaml"))
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
GOOD = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"


def data(text: str) -> Any:
    """A document as JSON would hold it."""
    return json.loads(json.dumps(read(text)[0].data()))


def nodes(schema: Any) -> list[dict[str, Any]]:
    """Every schema inside a schema."""
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    return ([schema] if isinstance(schema, dict) else []) + [found for item in inside for found in nodes(item)]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    references = {node["$ref"] for node in nodes(SCHEMA) if isinstance(node.get("$ref"), str)}
    assert references <= {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_it_accepts_every_template(path):
    VALIDATOR.validate(data(path.read_text(encoding="utf-8")))


@unhurried
@given(specs())
def test_it_accepts_what_the_parser_accepts(spec):
    VALIDATOR.validate(data(write(spec)))


@pytest.mark.parametrize(
    "line",
    [
        "traning: {epochs: 3}",
        "training: {epcohs: 3}",
        "training: {epochs: 0}",
        "training: {epochs: 100001}",
        "training: {epochs: 1.5}",
        'training: {epochs: "3"}',
        "training: {epochs: true}",
        "training: {epochs: }",
        "training: {precision: double}",
        "training: 3",
        "optimizer: sgdd",
        "optimizer: 3",
        "optimizer: [sgd]",
        "optimizer: {}",
        "optimizer: {sgd: {}, adam: {}}",
        "optimizer: {sgd: {lr: 0}}",
        "optimizer: {sgd: {lr: 101}}",
        "optimizer: {sgd: {momentum: 1}}",
        "optimizer: {sgd: {beta1: 0.9}}",
        "loss: {hinge: {power: 3}}",
        "regularization: {l2: {skip: [gamma]}}",
        "augment: horizontal_flip",
        "augment: [horizontal_flop]",
        "name: x/y",
        "name: 3",
        "data: {classes: 1}",
        "data: {channels: 2}",
        "data: {source: folder}",
    ],
)
def test_it_rejects_what_the_parser_rejects(line):
    assert parse_text(f"{GOOD}{line}\n").spec is None
    assert not VALIDATOR.is_valid(data(f"{GOOD}{line}\n"))


@pytest.mark.parametrize(
    "layer",
    [
        "conv",
        "conv: {}",
        "conv: {channels: 0}",
        "conv: {channels: 8, kernel: [3, 3, 3]}",
        "conv: {channels: 8, padding: [1, 2, 3]}",
        "conv: {channels: 8, padding: most}",
        "pool",
        "branches: {paths: [[]]}",
        "residual: {layers: []}",
        "residual: {layers: [conv: {channels: x}]}",
        "repeat: {times: 1001, layers: [norm]}",
    ],
)
def test_it_rejects_layers_the_parser_rejects(layer):
    text = f"cnnwiz: 1\nmodel: {{layers: [{layer}]}}\n"
    assert parse_text(text).spec is None
    assert not VALIDATOR.is_valid(data(text))


@pytest.mark.parametrize("text", ["model: {layers: [norm]}\n", "cnnwiz: 2\nmodel: {layers: [norm]}\n", "cnnwiz: 1\n"])
def test_it_rejects_documents_without_format_or_model(text):
    assert parse_text(text).spec is None
    assert not VALIDATOR.is_valid(data(text))


def test_editors_can_explain_every_key_and_complete_every_name():
    for node in nodes(SCHEMA):
        for name, field in node.get("properties", {}).items():
            assert field.get("description") or name in {choice.key for s in SECTIONS for choice in s.choices}
    for section in SECTIONS:
        options = SCHEMA["$defs"][section.name]["anyOf"]
        assert all(option["description"] for option in options)
        names = {option.get("const") or option["required"][0] for option in options}
        assert names == {choice.key for choice in section.choices}


def test_the_command_prints_it(capsys):
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
