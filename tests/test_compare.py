"""`cnnwiz compare`: decisions in words, paired accuracy against closed forms and other libraries, cost."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, chi2
from small_run import train_small

from cnnwiz.__main__ import run as cnnwiz
from cnnwiz.cli.summary import words
from cnnwiz.spec import Spec, parse_text
from cnnwiz.studies.differences import differences
from cnnwiz.studies.paired import apart, paired

BASE = """
cnnwiz: 1
model:
  layers:
    - conv: {channels: 8}
    - pool: {kernel: 2, stride: 2}
    - conv: {channels: 16}
    - basic: {channels: 16}
"""


def parsed(text: str) -> Spec:
    document = parse_text(text)
    assert document.spec is not None, document.findings
    return document.spec


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("model:", "model:\n  defaults: {norm: none}", [("model.defaults.norm", "batch", "none")]),
        ("model:", "optimizer: {sgd: {lr: 0.3}}\nmodel:", [("optimizer.sgd.lr", "0.1", "0.3")]),
        ("model:", "optimizer: {adamw: {lr: 0.01}}\nmodel:", [("optimizer", "sgd", "adamw lr 0.01")]),
        ("model:", "augment: [horizontal_flip]\nmodel:", [("augment, behind line 0", None, "horizontal_flip")]),
        ("model:", "regularization: {l2: {factor: 0.01}}\nmodel:", [("regularization.l2", None, "l2 factor 0.01")]),
        ("conv: {channels: 16}", "conv: {channels: 32}", [("model.layers[3]", "conv 16", "conv 32")]),
        ("    - pool: {kernel: 2, stride: 2}\n", "", [("model.layers[2]", "pool 2x2 /2", None)]),
        ("    - basic", "    - shuffle\n    - basic", [("model.layers, behind line 3", None, "shuffle")]),
        (
            "model:",
            "training: {epochs: 3, seed: 1}\nmodel:",
            [("training.epochs", "30", "3"), ("training.seed", "0", "1")],
        ),
        ("cnnwiz: 1", "cnnwiz: 1\nname: other\ndata: {image_size: 8}", []),
    ],
)
def test_differences_in_words(old, new, expected):
    first, second = parsed(BASE), parsed(BASE.replace(old, new, 1))
    found = [tuple(one) for one in differences(first, second, words)]
    assert found == expected
    back = [tuple(one)[1:] for one in differences(second, first, words)]
    assert back == [(new, old) for _, old, new in expected]


@pytest.mark.parametrize(("lost", "won", "count"), [(0, 0, 50), (3, 9, 100), (30, 6, 359), (200, 260, 10_000)])
def test_paired_agrees_with_scipy_and_the_chi_square_limit(lost, won, count):
    first, second = np.zeros(count, bool), np.zeros(count, bool)
    first[:lost] = True
    second[lost : lost + won] = True
    first[lost + won : count // 2 + lost + won] = second[lost + won : count // 2 + lost + won] = True
    found = paired(first, second)
    assert found.difference == pytest.approx(second.mean() - first.mean())
    assert (found.only_first, found.only_second) == (lost, won)
    assert found.interval[0] <= found.difference <= found.interval[1]
    if lost + won:
        assert found.p == pytest.approx(binomtest(won, won + lost).pvalue)
        limit = chi2.sf((abs(won - lost) - 1) ** 2 / (won + lost), 1)  # McNemar with Edwards' correction
        assert found.p == pytest.approx(limit, abs=0.03)
        assert found.clear == (found.p < 0.05)


def test_paired_interval_covers_as_often_as_it_says():
    """400 draws of 200 images: first right at 0.8, second at 0.85, mostly on the same images."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        kinds = generator.choice(4, 200, p=[0.75, 0.05, 0.10, 0.10])
        found = paired(np.isin(kinds, (0, 1)), np.isin(kinds, (0, 2)))
        covered += found.interval[0] <= 0.05 <= found.interval[1]
    assert 370 <= covered <= 396  # 380 and four standard deviations of the binomial below


def test_apart_is_newcombes_method_10():
    """The example of Newcombe (1998), table II (a): 56/70 less 48/80 is 0.2, interval 0.0524 to 0.3339."""
    found = apart(48 / 80, 80, 56 / 70, 70)
    assert found.difference == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert not found.paired


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("compare")
    return train_small(folder), train_small(folder, ("channels: 8", "channels: 4"), ("epochs: 4", "epochs: 1"), seed=1)


def test_runs_are_compared_image_by_image(runs, capsys):
    words = ["compare", *map(str, runs), "--device", "cpu", "--workers", "0"]
    assert cnnwiz([*words, "--output-format", "json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["subjects"]
    for run, subject in zip(runs, (first, second), strict=True):
        recorded = json.loads((run / "run.json").read_text())
        assert subject["accuracy"]["accuracy"] == recorded["metrics"]["test_accuracy"]
        assert subject["cost"]["parameters"] == recorded["parameters"]
        assert subject["cost"]["images_per_second"] > 0
    against = second["against"]
    assert against["paired"]
    assert against["name"] == str(runs[0])
    wins = against["only_second"] - against["only_first"]
    assert against["difference"] == pytest.approx(wins / 120)
    assert [one["path"] for one in second["differences"]] == ["model.layers[1]", "training.epochs", "training.seed"]
    assert cnnwiz(words) == 0
    table = capsys.readouterr().out
    assert "model.layers[1]: conv 8 -> conv 4" in table
    assert f"McNemar p = {against['p']:.2g}" in table


def test_runs_on_other_images_are_two_samples(runs, tmp_path, capsys):
    """The second run's spec now points to a copy in which one test image has gone."""
    shutil.copytree(runs[1], tmp_path / "run")
    shutil.copytree(runs[1].parent / "digits", tmp_path / "digits")
    next((tmp_path / "digits" / "test" / "two").iterdir()).unlink()
    spec = (tmp_path / "run" / "spec.yaml").read_text()
    (tmp_path / "run" / "spec.yaml").write_text(spec.replace(str(runs[1].parent / "digits"), str(tmp_path / "digits")))
    words = ["compare", str(runs[0]), str(tmp_path / "run"), "--device", "cpu", "--workers", "0"]
    assert cnnwiz([*words, "--output-format", "json"]) == 0
    _, second = json.loads(capsys.readouterr().out)["subjects"]
    assert second["accuracy"]["images"] == 119
    assert not second["against"]["paired"]
    assert math.isfinite(second["against"]["difference"])


def test_specs_are_compared_without_torch(tmp_path):
    import subprocess
    import sys

    for name, text in (("a", BASE), ("b", BASE.replace("channels: 16", "channels: 24"))):
        (tmp_path / f"{name}.yaml").write_text(text)
    code = "import sys; from cnnwiz.__main__ import run; c = run(sys.argv[1:]); print(c, 'torch' in sys.modules)"
    words = [sys.executable, "-c", code, "compare", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    out = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.splitlines()[-1] == "0 False"
    assert "model.layers[3]: conv 16 -> conv 24" in out
    assert "parameters" in out


@pytest.mark.parametrize("words", [["one.yaml"], ["one.yaml", "nowhere.yaml"], ["one.yaml", "FOLDER"]])
def test_wrong_arguments(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text(BASE)
    assert cnnwiz(["compare", *(str(tmp_path) if word == "FOLDER" else word for word in words)]) == 2
