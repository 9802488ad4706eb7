"""Specs as YAML text: reading gives the spec again, other YAML readers agree, the layout is the documented one."""

from __future__ import annotations

import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from strategies import networks, specs, unhurried

from cnnwiz.catalog.choice import plain
from cnnwiz.graph import graph_of
from cnnwiz.spec import Spec, parse_text
from cnnwiz.spec.write import flow, scalar, write

DESIGN = """\
cnnwiz: 1
name: catsdogs
data:
  source: {folder: {path: data/catsdogs}}
  image_size: 128
  validation: {fraction: 0.15}
augment:
  - random_resized_crop: {scale: [0.35, 1.0]}
  - horizontal_flip
model:
  defaults: {pool: max_plus_avg}
  layers:
    - conv: {channels: 64, kernel: 7, stride: 2}
    - pool: {kernel: 3, stride: 2}
    - bottleneck: {channels: 256, repeat: 3}
    - branches: {paths: [[conv: {channels: 64, kernel: 1}], []]}
  head: {average: {dropout: 0.2}}
regularization:
  l2:
    factor: 0.0005  # half a percent
training: {batch_size: 256}
"""


def read(text: str) -> Spec:
    document = parse_text(text)
    assert document.findings == (), [finding.message for finding in document.findings]
    assert document.spec is not None
    return document.spec


@unhurried
@given(specs())
def test_reading_gives_the_spec_again(spec):
    assert read(write(spec)) == spec


@unhurried
@given(specs(), st.data())
def test_remarks_change_nothing(spec, data):
    places = places_of(plain(spec, explicit=True))
    remarks = data.draw(st.dictionaries(st.sampled_from(places), st.text(string.printable), max_size=8))
    assert read(write(spec, remarks)) == spec


@unhurried
@given(networks())
def test_networks_exist(spec):
    assert graph_of(spec).finding is None


@unhurried
@given(specs())
def test_other_yaml_readers_see_the_same_data(spec):
    def listed(value):
        if isinstance(value, dict):
            return {key: listed(item) for key, item in value.items()}
        return [listed(item) for item in value] if isinstance(value, (list, tuple)) else value

    assert yaml.safe_load(write(spec)) == listed(plain(spec))


def test_layout():
    spec = read(DESIGN)
    remark = {("regularization", "l2", "factor"): "half a\n percent", ("model", "layers", 99): "no such place"}
    assert write(spec, remark) == DESIGN


def test_a_remark_writes_out_what_is_a_default():
    text = write(read(DESIGN), {("model", "defaults", "norm", "batch", "eps"): "why", ("loss",): "one label"})
    assert "    norm:\n      batch:\n        eps: 0.00001" in text
    assert "\nloss: cross_entropy" in text


def test_wide_layers_are_broken_into_lines():
    path = "[conv: {channels: 16, kernel: 1}, conv: {channels: 16}, conv: {channels: 16, kernel: 5}]"
    text = write(read(f"cnnwiz: 1\nmodel:\n  layers:\n    - branches: {{paths: [{path}, {path}], repeat: 2}}\n"))
    assert f"    - branches:\n        paths:\n          - {path}\n          - {path}\n        repeat: 2\n" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0005, "0.0005"),
        (1e-8, "0.00000001"),
        (1.0, "1.0"),
        (-2.5, "-2.5"),
        (1e-20, "1.0e-20"),
        (1.5e300, "1.5e+300"),
        (0.0, "0.0"),
        (True, "true"),
        (128, "128"),
        ("batch", "batch"),
        ("data/cats-1.npz", "data/cats-1.npz"),
        ("no", '"no"'),
        ("Null", '"Null"'),
        ("128", '"128"'),
        ("1e3", '"1e3"'),
        ("~", '"~"'),
        ("a: b #c", '"a: b #c"'),
        ('say "hi"\\', '"say \\"hi\\"\\\\"'),
        ("two\nlines", '"two\\U0000000alines"'),
        ("größe", '"größe"'),
    ],
)
def test_scalars(value, text):
    assert scalar(value) == text
    assert yaml.safe_load(text) == value


def test_flow():
    assert flow({"a": [1, {"b": 2.0}, {"c": 1, "d": "x"}], "e": {}}) == "{a: [1, b: 2.0, {c: 1, d: x}], e: {}}"


def places_of(value: object, path: tuple = ()) -> list[tuple]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, item in entries for place in places_of(item, (*path, key))]
