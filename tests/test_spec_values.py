"""Parsing: each value against its type and limits, every problem of a file in one report and at its place."""

from __future__ import annotations

import time

import pytest

from cnnwiz.spec import Spec, parse_text

GOOD = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"


def problems(text: str) -> list[tuple[str, int, int, str]]:
    """(code, line, column, message) of each finding."""
    return [(f.code, f.span.line, f.span.column, f.message) for f in parse_text(text).findings]


def only(text: str) -> tuple[str, int, int, str]:
    """The one problem of a text."""
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-1",
        "-0.1",
        "101",
        "1.5e2",
        ".nan",
        ".inf",
        "-.inf",
        "1e400",
        "5" * 5000,
        "true",
        "[1]",
        "{a: 1}",
        '"0.1"',
        "abc",
    ],
)
def test_a_rate_outside_its_limits(value):
    found = problems(f"{GOOD}optimizer: {{sgd: {{lr: {value}}}}}\n")
    code, line, column, message = next(problem for problem in found if problem[0] != "CNN905")
    assert (code, line, column) == ("CNN903", 5, 23)
    assert "optimizer.sgd.lr" in message
    assert "a number above 0 and of at most 100" in message
    assert len(message) < 200


@pytest.mark.parametrize(
    "value", ["0", "-3", "100001", "3.0", "1e3", "true", "010", "0x10", "1_000", "2020-01-01", "12:30", "5" * 5000, "~"]
)
def test_a_count_outside_its_limits(value):
    found = [p for p in problems(f"{GOOD}training: {{epochs: {value}}}\n") if p[0] != "CNN905"]
    assert [(code, line, column) for code, line, column, _ in found] == [("CNN903", 5, 20)]
    if value != "~":
        assert "a whole number from 1 to 100000" in found[0][3]


def test_words_that_look_like_numbers_are_told_apart():
    assert "the text '010' (write plain digits" in only(f"{GOOD}training: {{epochs: 010}}\n")[3]
    assert "a number of 5,000 digits" in only(f"{GOOD}training: {{epochs: {'5' * 5000}}}\n")[3]


@pytest.mark.parametrize("value", ["true", "1.0", "2", '"1"'])
def test_allowed_values_are_compared_with_their_type(value):
    assert only(f"cnnwiz: {value}\nmodel: {{layers: [conv: {{channels: 8}}]}}\n")[0] in ("CNN903", "CNN910")
    assert only(f"{GOOD}loss: {{hinge: {{power: {value if value != '2' else '3'}}}}}\n")[:3] == ("CNN903", 5, 23)


def test_a_newer_format_is_all_that_is_said():
    code, line, column, message = only("cnnwiz: 99\nunknown: {future: [1]}\n")
    assert (code, line, column) == ("CNN910", 1, 9)
    assert "newer cnnwiz" in message


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("traning: {epochs: 3}", 1, "did you mean 'training'?"),
        ("training: {epcohs: 3}", 12, "did you mean 'epochs'?"),
        ("training: {Batch-Size: 3}", 12, "did you mean 'batch_size'?"),
        ("optimizer: {sgd: {beta1: 0.9}}", 19, "keys: lr, rates, momentum, nesterov"),
        ("data: {validation: {share: 0.1}}", 21, "keys: fraction, seed"),
        ("model2: 1", 1, "did you mean 'model'?"),
    ],
)
def test_unknown_keys(line, column, says):
    code, at_line, at_column, message = only(f"{GOOD}{line}\n")
    assert (code, at_line, at_column) == ("CNN902", 5, column)
    assert says in message


@pytest.mark.parametrize(
    ("line", "code", "column", "says"),
    [
        ("optimizer: sgdd", "CNN911", 12, "did you mean 'sgd'?"),
        ("optimizer: {sgdd: {lr: 0.1}}", "CNN911", 13, "did you mean 'sgd'?"),
        ("optimizer: 3", "CNN903", 12, "names: sgd, "),
        ("optimizer: [sgd]", "CNN903", 12, "one name"),
        ("optimizer: {sgd: {}, adam: {}}", "CNN903", 12, "one name"),
        ("optimizer: {}", "CNN903", 12, "one name"),
        ("optimizer: {sgd: 3}", "CNN903", 18, "takes keys (lr, rates, momentum, nesterov)"),
        ("optimizer:", "CNN903", 11, "has no value"),
        ("loss: {hinge: {margin: }}", "CNN903", 24, "has no value"),
        ("augment: horizontal_flip", "CNN903", 10, "takes a list"),
        ("augment: [horizontal_flop]", "CNN911", 11, "did you mean 'horizontal_flip'?"),
        ("augment: [random_resized_crop: {scale: [1.0, 0.3]}]", "CNN903", 32, "1.0 is larger than 0.3"),
        ("training: 3", "CNN903", 11, "takes keys (batch_size,"),
        ("name: x/../y", "CNN903", 7, "a text of letters"),
        ("name: 3", "CNN903", 7, "a text of letters"),
    ],
)
def test_choices_lists_and_texts(line, code, column, says):
    found, at_line, at_column, message = only(f"{GOOD}{line}\n")
    assert (found, at_line, at_column) == (code, 5, column)
    assert says in message


@pytest.mark.parametrize(
    ("layer", "column", "path"),
    [
        ("conv: {channels: 0}", 29, "conv.channels"),
        ("conv: {channels: 8, kernel: [3, 3, 3]}", 40, "conv.kernel"),
        ("conv: {channels: 8, padding: most}", 41, "conv.padding"),
        ("conv: {channels: 8, order: norm-conv-act}", 39, "conv.order"),
        ("conv: {kernel: 3}", 18, "conv.channels"),
        ("{conv: }", 13, "conv.channels"),
        ("pool", 12, "pool.kernel"),
        ("branches: {paths: [[conv: {channels: 8}]]}", 30, "branches.paths"),
        ("residual: {layers: []}", 31, "residual.layers"),
        ("residual: {layers: [conv: {channels: x}]}", 49, "residual.layers[0].conv.channels"),
    ],
)
def test_layers_point_at_the_wrong_value(layer, column, path):
    code, line, at_column, message = only(f"cnnwiz: 1\nmodel:\n  layers: [{layer}]\n")
    assert code in ("CNN903", "CNN909")
    assert (line, at_column) == (3, column)
    assert f"model.layers[0].{path}" in message


def test_what_is_missing_is_said_at_its_parent():
    assert [(code, line, column) for code, line, column, _ in problems("name: x\n")] == [("CNN909", 1, 1)] * 2
    assert {message.split(" ")[0] for _, _, _, message in problems("name: x\n")} == {"cnnwiz", "model"}


def test_every_problem_is_in_one_report_in_the_order_of_the_file():
    text = """\
cnnwiz: 1
name: ../x
nmae: z
model:
  layers:
    - conv: {channels: -1, kernl: 3}
    - poool: {kernel: 2}
    - conv: {channels: 8, channels: 9}
optimizer: {sgd: {lr: 1e-3, momentum: 2}}
training: {epochs: yes, seed: -1}
"""
    assert [(code, line, column) for code, line, column, _ in problems(text)] == [
        ("CNN903", 2, 7),
        ("CNN902", 3, 1),
        ("CNN903", 6, 24),
        ("CNN902", 6, 28),
        ("CNN911", 7, 7),
        ("CNN904", 8, 27),
        ("CNN905", 9, 23),
        ("CNN903", 9, 39),
        ("CNN906", 10, 20),
        ("CNN903", 10, 31),
    ]


def test_findings_span_the_value():
    text = f"{GOOD}optimizer: {{sgd: {{lr: -0.25}}}}\n"
    span = parse_text(text).findings[0].span
    assert text[span.start : span.end] == "-0.25"
    assert (span.end_line, span.end_column) == (5, 28)


def test_thousands_of_problems_take_no_time_to_report():
    text = "cnnwiz: 1\nmodel:\n  layers:\n" + "".join(f"    - conv: {{channels: -1, key{i}: 1}}\n" for i in range(1000))
    began = time.process_time()
    assert len(problems(text)) == 2000
    assert time.process_time() - began < 2


def test_the_shortest_spec_has_every_default():
    spec = parse_text(GOOD).spec
    assert isinstance(spec, Spec)
    assert spec.model_fields_set == {"cnnwiz", "model"}
    assert spec.training.epochs == 30
    assert spec.optimizer.key == "sgd"
