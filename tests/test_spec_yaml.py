"""Reading: what strict YAML refuses, what it reads and PyYAML does not, and where each finding points."""

from __future__ import annotations

import os
import time
import tracemalloc

import pytest

from cnnwiz.__main__ import run
from cnnwiz.errors import CnnwizError
from cnnwiz.spec import SpecError, load, open_document, parse_text
from cnnwiz.spec.file import decode
from cnnwiz.spec.reader import MAX_BYTES, MAX_DEPTH, MAX_ENTRIES

GOOD = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"
LAUGHS = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def findings(text: str | bytes) -> list[tuple[str, int, int]]:
    """(code, line, column) of each finding."""
    document = parse_text(text) if isinstance(text, str) else decode("x.yaml", text)
    return [(f.code, f.span.line, f.span.column) for f in document.findings]


@pytest.fixture(autouse=True)
def _classes_built():
    """pydantic builds a class at its first use; that time is not what these tests measure."""
    assert parse_text(GOOD).spec is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("1E1", 10.0), ("1.0e1", 10.0), ("5e-4", 5e-4), ("1.0e-3", 1e-3), (".5", 0.5), ("2", 2.0)],
)
def test_every_exponent_form_is_a_number(text, value):
    document = parse_text(f"{GOOD}optimizer: {{sgd: {{lr: {text}}}}}\n")
    assert document.spec is not None
    assert document.spec.optimizer.lr == value
    assert type(document.spec.optimizer.lr) is float


@pytest.mark.parametrize(
    ("text", "warned"), [("1e-3", True), ("1E1", True), ("1.0e-3", False), ("0.1", False), ("1", False)]
)
def test_numbers_that_other_readers_take_for_texts_are_warnings(text, warned):
    expected = [("CNN905", 5, 23)] if warned else []
    assert findings(f"{GOOD}optimizer: {{sgd: {{lr: {text}}}}}\n") == expected


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "y", "n", "Yes", "NO", "On"])
def test_ambiguous_words(word):
    assert findings(f"{GOOD}optimizer: {{sgd: {{nesterov: {word}}}}}\n") == [("CNN906", 5, 29)]
    quoted = f'{GOOD}data: {{source: {{folder: {{path: x, classes: ["{word}", b]}}}}, classes: 2, image_size: 8}}\n'
    assert findings(quoted) == []


def test_ambiguous_words_are_texts_as_keys_and_findings_in_lists():
    assert findings(f"{GOOD}data: {{source: {{folder: {{path: x, classes: [no, yes]}}}}}}\n") == [
        ("CNN906", 5, 45),
        ("CNN906", 5, 49),
    ]
    document = parse_text(f"{GOOD}NO: 1\n")
    assert [f.code for f in document.findings] == ["CNN902"]
    assert "'NO'" in document.findings[0].message


@pytest.mark.parametrize(
    ("text", "line", "column", "first_line"),
    [
        (f"{GOOD}cnnwiz: 1\n", 5, 1, 1),
        ("cnnwiz: 1\nmodel:\n  layers: [conv: {channels: 8}]\n  layers: []\n", 4, 3, 3),
        (f"{GOOD}optimizer: {{sgd: {{lr: 0.1, lr: 0.2}}}}\n", 5, 28, 5),
        ("cnnwiz: 1\nmodel: {layers: [branches: {paths: [[conv: {channels: 8, channels: 8}], []]}]}\n", 2, 58, 2),
    ],
)
def test_duplicate_keys_at_any_depth(text, line, column, first_line):
    document = parse_text(text)
    assert document.spec is None
    found = [f for f in document.findings if f.code == "CNN904"]
    assert [(f.span.line, f.span.column) for f in found] == [(line, column)]
    assert f"at line {first_line}" in found[0].message


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("name: &x word\n", 5, 7),
        ("name: *x\n", 5, 7),
        ("&x name: word\n", 5, 1),
        ("training:\n  <<: {epochs: 3}\n", 6, 3),
        ("training: {<<: {epochs: 3}}\n", 5, 12),
        ("name: !!python/object/apply:os.system ['touch /tmp/x']\n", 5, 7),
        ("training: {epochs: !!int 3}\n", 5, 20),
        ("name: !word x\n", 5, 7),
        ("? !!str name\n: x\n", 5, 3),
        ("---\ncnnwiz: 1\n", 5, 1),
    ],
)
def test_yaml_that_is_not_data_is_refused(text, line, column):
    assert findings(GOOD + text) == [("CNN907", line, column)]


def test_directives_are_refused():
    assert findings(f"%YAML 1.1\n---\n{GOOD}") == [("CNN907", 1, 1)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LAUGHS, "CNN907"),
        (MERGES, "CNN907"),
        ("[" * 200_000, "CNN908"),
        ("{a: " * 200_000, "CNN908"),
        ("- " * 200_000, "CNN908"),
        ("a: " + "[" * 200_000, "CNN908"),
        ("? " * 200_000, "CNN901"),
        (GOOD + "#" * MAX_BYTES, "CNN908"),
        (GOOD + f"name: {'x' * 10_001}\n", "CNN908"),
        (GOOD + f"{'x' * 1_000}: 1\n", "CNN908"),
    ],
    ids=["laughs", "merges", "[", "{", "-", "a: [", "?", "bytes", "text", "key"],
)
def test_bombs_are_refused_quickly_and_in_little_memory(text, code):
    began = time.process_time()
    assert [found for found, _, _ in findings(text)] == [code]
    assert time.process_time() - began < 0.2
    tracemalloc.start()
    findings(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


def test_too_many_values_are_refused():
    began = time.process_time()
    assert findings(GOOD + "augment: [" + "a," * (MAX_ENTRIES + 1) + "]\n")[0][0] == "CNN908"
    assert time.process_time() - began < 1


def test_depth_has_room_for_every_published_network():
    """Not 16: layers inside layers take three levels of YAML (a name, its keys, a list), and a branch inside a branch
    inside a repeated residual body, as Inception-ResNet has, takes 19. What parsers suffer from begins at thousands.
    """
    innermost = "conv: {channels: 8}"
    for _ in range(8):
        innermost = f"residual: {{layers: [{innermost}]}}"
    assert findings(f"cnnwiz: 1\nmodel: {{layers: [{innermost}]}}\n") == []
    too_deep = "[" * (MAX_DEPTH + 1)
    assert [code for code, _, _ in findings(f"a: {too_deep}")] == ["CNN908"]


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("cnnwiz: 1\nmodel:\n\tlayers: []\n", 3, 1, "tab"),
        ("cnnwiz: 1\nmodel: {layers: [\n", 3, 1, "expected"),
        ("cnnwiz: 1\nmodel: a: b\n", 2, 9, "mapping values"),
        ("cnnwiz: 1\n[a]: b\n", 2, 1, "a key must be a word"),
        ("", 1, 1, "one mapping"),
        ("# only a comment\n", 1, 1, "one mapping"),
        ("- a\n- b\n", 1, 1, "one mapping"),
        ("word\n", 1, 1, "one mapping"),
        ("null\n", 1, 1, "one mapping"),
        ('cnnwiz: 1\nname: "\\0"\n', 2, 7, "U+0000"),
        ("cnnwiz: 1\nname: a\x1bb\n", 2, 8, "U+001B"),
        ("cnnwiz: 1\nname: a\0b\n", 2, 8, "U+0000"),
        ("cnnwiz: 1\nname: a\u2028b\n", 2, 8, "U+2028"),
        ("cnnwiz: 1\rname: x\r", 1, 10, "U+000D"),
    ],
)
def test_broken_yaml_is_one_finding_at_its_place(text, line, column, says):
    document = parse_text(text)
    assert [(f.code, f.span.line, f.span.column) for f in document.findings] == [("CNN901", line, column)]
    assert says in document.findings[0].message


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (GOOD.encode() + b"name: caf\xe9\n", 5, f"not UTF-8 at byte {len(GOOD) + 9}"),
        (GOOD.encode("utf-16"), 1, "not UTF-8 at byte 0"),
        (b"a: \xed\xa0\x80\n", 1, "not UTF-8 at byte 3"),
    ],
)
def test_other_encodings(content, line, says):
    document = decode("x.yaml", content)
    assert [(f.code, f.span.line) for f in document.findings] == [("CNN901", line)]
    assert says in document.findings[0].message


def test_a_byte_order_mark_and_windows_line_ends_are_fine():
    assert findings(b"\xef\xbb\xbf" + GOOD.encode()) == []
    assert findings(GOOD.replace("\n", "\r\n") + "training: {epochs: 0}\r\n") == [("CNN903", 5, 20)]


def test_columns_count_characters():
    assert findings(f"{GOOD}# \u00e4\U0001f600\nname: \U0001f600 # x\ntraining: {{epochs: 0}}\n") == [
        ("CNN903", 6, 7),
        ("CNN903", 7, 20),
    ]


def test_paths_that_are_no_files(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "catnet.yaml").write_text(GOOD)
    for path, says in [
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe.yaml", "not a regular file"),  # and does not wait for a writer
        (tmp_path / "missing.yaml", "no such file"),
        (tmp_path / "catnett.yaml", "did you mean"),
        (tmp_path / "catnet.yaml" / "x", "cannot be read"),
        (tmp_path / "a\0b", "cannot be read"),
    ]:
        with pytest.raises(CnnwizError, match=says) as error:
            open_document(path)
        assert error.value.code == 2
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CnnwizError, match=r"did you mean catnet\.yaml\?"):
        load("catnt.yaml")


@pytest.mark.parametrize(
    "text", ["", GOOD + "name: *x\n", GOOD + "traning: {}\n", "[" * 1000], ids=["empty", "alias", "key", "["]
)
def test_the_command_line_stops_with_2_and_the_place(text, tmp_path, capsys):
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    assert run(["summary", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    code, line, column = findings(text)[0]
    assert err.startswith(f"error: {path}:{line}:{column}: ")
    assert code.startswith("CNN9")


def test_a_spec_that_is_wrong_raises_with_all_findings(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(f"{GOOD}traning: {{}}\nname: x y\n")
    with pytest.raises(SpecError) as error:
        load(path)
    assert str(error.value).splitlines() == [
        f"{path}:{f.span.line}:{f.span.column}: {f.message}" for f in error.value.document.findings
    ]
