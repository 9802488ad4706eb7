"""Impossible networks: the message names layer, shapes and a change that works; the finding stands at its line."""

from __future__ import annotations

import re
import time

import pytest

from cnnwiz.__main__ import run
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import Graph, graph_of, summary
from cnnwiz.spec import parse_text
from cnnwiz.spec.finding import show_path


def graph(layers: str, model: str = "") -> Graph:
    text = f"cnnwiz: 1\nmodel:\n  layers: [{layers}]\n{model}"
    spec = parse_text(text).spec
    assert spec is not None, parse_text(text).findings
    return graph_of(spec)


@pytest.mark.parametrize(
    ("layers", "path", "says"),
    [
        (
            "conv: {channels: 8, kernel: 9, padding: valid}",
            "[0].conv.kernel",
            ["layers.0.conv gets 1x8x8", "kernel 9x9", "largest kernel that fits: 8"],
        ),
        (
            "conv: {channels: 8, kernel: 3, dilation: 5, padding: valid}",
            "[0].conv.kernel",
            ["1x8x8", "largest kernel that fits: 2"],
        ),
        (
            "conv: {channels: 8, kernel: 12, padding: 1}",
            "[0].conv.kernel",
            ["with padding 1", "largest kernel that fits: 10"],
        ),
        (
            "pool: {kernel: 2, stride: 2, repeat: 1}, pool: {kernel: 5, padding: valid, kind: average}",
            "[1].pool.kernel",
            ["layers.1.average gets 1x4x4", "largest kernel that fits: 4"],
        ),
        (
            "conv: {channels: 48}, conv: {channels: 48, groups: 5}",
            "[1].conv.groups",
            ["layers.1.conv gets 48x8x8", "48 input channels", "5 groups", "nearest that work: 4, 6"],
        ),
        (
            "conv: {channels: 48}, conv: {channels: 50, groups: 48}",
            "[1].conv.groups",
            ["50 output channels", "48 groups", "nearest that work: 1, 2"],
        ),
        ("conv: {channels: 4, groups: 2}", "[0].conv.groups", ["1 input channel cannot", "nearest that work: 1"]),
        (
            "branches: {merge: add, paths: [[conv: {channels: 4}], [conv: {channels: 6}]]}",
            "[0].branches",
            ["layers.0.add gets 4x8x8 and 6x8x8", "equal shapes", "end all in 4x8x8"],
        ),
        (
            "branches: {paths: [[conv: {channels: 4}], [conv: {channels: 4, stride: 2}]]}",
            "[0].branches",
            ["layers.0.concat gets 4x8x8 and 4x4x4", "equal height and width", "maps of 8x8"],
        ),
        (
            "residual: {layers: [conv: {channels: 4}], shortcut: identity}",
            "[0].residual",
            ["layers.0.sum gets 4x8x8 and 1x8x8", "projection shortcut"],
        ),
        (
            "conv: {channels: 32}, basic: {channels: 16, shortcut: pad}",
            "[1].basic.shortcut",
            ["from 32 to 16 channels", "at least 32 channels"],
        ),
        ("pool: {kernel: 3, padding: 2}", "[0].pool.padding", ["padding 2", "half the kernel", "at most 1"]),
        ("pool: {kernel: 2, padding: [1, 0, 0, 1]}", "[0].pool.padding", ["opposite sides", "write [1, 1]"]),
        (
            "linear: {features: 4}, conv: {channels: 8}",
            "[1].conv",
            ["layers.1.conv gets 4", "takes a map, not a vector of 4 features", "before flattening"],
        ),
        ("linear: {features: 4}, pool: {kernel: 2}", "[1].pool", ["takes a map", "before flattening"]),
        ("linear: {features: 4}, basic: {channels: 4}", "[1].basic", ["takes a map"]),
        (
            "repeat: {times: 4, layers: [pool: {kernel: 2, stride: 2, padding: valid}]}",
            "[0].repeat.layers[0].pool.kernel",
            ["layers.0.3.0.max gets 1x1x1", "less stride"],
        ),
        (
            "branches: {paths: [[], [conv: {channels: 4}, residual: {layers: [conv: {channels: 9, groups: 3}]}]]}",
            "[0].branches.paths[1][1].residual.layers[0].conv.groups",
            ["layers.0.path1.1.body.0.conv gets 4x8x8", "nearest that work: 1"],
        ),
    ],
)
def test_shapes_that_do_not_fit(layers, path, says):
    finding = graph(layers).finding
    assert finding is not None
    assert (finding.code, finding.severity) == ("CNN200", "error")
    assert show_path(finding.path) == f"model.layers{path}"
    assert [word for word in says if word not in finding.message] == [], finding.message


def test_a_vector_needs_another_head():
    finding = graph("linear: {features: 4}").finding
    assert finding is not None
    assert show_path(finding.path) == "model.head.average"
    assert "the head is flatten" in finding.message
    assert graph("linear: {features: 4}", "  head: flatten\n").finding is None


@pytest.mark.parametrize(("kernel", "fits"), [(12, 10), (11, 10), (10, 10), (3, 3)])
def test_the_largest_kernel_it_names_works(kernel, fits):
    finding = graph(f"conv: {{channels: 8, kernel: {kernel}, padding: 1}}").finding
    if kernel > fits:
        assert finding is not None
        named = re.search(r"largest kernel that fits: (\d+)", finding.message)
        assert named is not None
        kernel = int(named[1])
        assert kernel == fits
    assert graph(f"conv: {{channels: 8, kernel: {kernel}, padding: 1}}").finding is None


@pytest.mark.parametrize("groups", range(1, 50))
def test_the_groups_it_names_work(groups):
    finding = graph(f"conv: {{channels: 48}}, conv: {{channels: 36, groups: {groups}}}").finding
    assert (finding is None) == (36 % groups == 0 and 48 % groups == 0)
    if finding is not None:
        named = re.search(r"nearest that work: ([\d, ]+)", finding.message)
        assert named is not None
        for number in named[1].split(", "):
            assert graph(f"conv: {{channels: 48}}, conv: {{channels: 36, groups: {number}}}").finding is None


def test_every_verb_refuses_an_impossible_network(tmp_path, capsys):
    path = tmp_path / "impossible.yaml"
    path.write_text("cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8, groups: 5}\n")
    assert run(["summary", str(path)]) == 2
    assert run(["lint", "--output-format", "concise", str(path)]) == 1
    assert run(["train", "--run-dir", str(tmp_path / "run"), str(path)]) == 2
    out, err = capsys.readouterr()
    assert f"{path}:4:35: error CNN200" in out
    assert "5 groups" in err.splitlines()[0]
    assert not (tmp_path / "run").exists()
    spec = parse_text(path.read_text()).spec
    assert spec is not None
    with pytest.raises(CnnwizError, match="5 groups"):
        summary(spec)


def test_every_verb_refuses_a_network_beyond_any_machine(tmp_path, capsys):
    path = tmp_path / "huge.yaml"
    path.write_text("cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 65536, repeat: 300}\n")
    began = time.process_time()
    assert run(["summary", str(path)]) == 2
    assert run(["lint", "--output-format", "concise", str(path)]) == 1
    assert run(["train", "--run-dir", str(tmp_path / "run"), str(path)]) == 2
    assert time.process_time() - began < 3
    out, err = capsys.readouterr()
    assert f"{path}:4:7: error CNN299" in out
    filters = 65536 * 9 + 299 * 65536**2 * 9
    assert f"{filters + 300 * 2 * 65536 + 65536 * 10 + 10:,} parameters" in err.splitlines()[0]
    assert not (tmp_path / "run").exists()


def test_a_size_that_the_data_does_not_tell():
    spec = parse_text("cnnwiz: 1\ndata: {source: {folder: {path: nowhere}}}\nmodel: {layers: [norm]}\n").spec
    assert spec is not None
    with pytest.raises(CnnwizError, match=r"data\.image_size is missing"):
        graph_of(spec)


def test_classes_that_the_data_does_not_tell():
    text = "cnnwiz: 1\ndata: {source: {folder: {path: nowhere}}, image_size: 8}\nmodel: {layers: [norm]}\n"
    spec = parse_text(text).spec
    assert spec is not None
    with pytest.raises(CnnwizError, match=r"write data\.classes"):
        graph_of(spec)
    assert graph_of(spec, classes=3).output == (3,)
