"""`cnnwiz export`: files that say what the run says, in every format, and one accuracy whoever computes it."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from generated import untrained
from safetensors.torch import load_file
from small_run import train_small
from test_export_python import TEXTS, parsed

from cnnwiz.__main__ import run as cnnwiz
from cnnwiz.data.decode import decode
from cnnwiz.data.loader import preprocess
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import evaluate, open_trained
from cnnwiz.exports import Settings, export, formats
from cnnwiz.exports.portable import Portable, described

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra `export`")
ONNX_NOISE = pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own code


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return train_small(tmp_path_factory.mktemp("export"))


@ONNX_NOISE
@pytest.mark.slow
@pytest.mark.parametrize("fused", [False, True], ids=["", "fused"])
@pytest.mark.parametrize("name", ["onnx", "torch_export", "weights", "python"])
def test_files_say_what_the_run_says(small, tmp_path, name, fused):
    extension = {"onnx": "onnx", "torch_export": "pt2", "weights": "safetensors", "python": "py"}[name]
    found = export(small, Settings(name, tmp_path / f"out.{extension}", fused=fused))
    assert found.parity.holds
    assert found.parity.agreement == 1
    assert found.parity.accuracy == found.parity.exported_accuracy
    assert found.parity.difference <= {"onnx": 1e-4, "torch_export": 1e-5}.get(name, 0)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in found.files)
    assert all(file.stat().st_mode & 0o777 == 0o644 for file in found.files)


@ONNX_NOISE
@pytest.mark.slow
def test_one_accuracy_from_eval_predict_onnx_and_the_python_file(small, tmp_path, capsys):
    """Each from the image files of the test folder to the share of right names."""
    folder = small.parent / "digits" / "test"
    files = sorted(folder.rglob("*.png"))
    truth = [file.parent.name for file in files]
    expected = evaluate(small, device="cpu").measured["accuracy"]
    assert 0.5 < expected < 1

    assert cnnwiz(["predict", str(small), str(folder), "--format", "json", "--device", "cpu"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert share([row["class"] for row in rows], [Path(row["file"]).parent.name for row in rows]) == expected

    path = tmp_path / "net.onnx"
    export(small, Settings("onnx", path, inside=True))
    about = json.loads(path.with_suffix(".json").read_text())
    facts = about["preprocessing"]
    canvases = np.stack([decode(file, facts["canvas"], facts["channels"]) for file in files])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [entry.shape for entry in session.get_inputs()] == [about["input"]["shape"]]
    (scores,) = session.run([about["output"]["name"]], {"images": canvases})
    assert share([about["classes"][place] for place in scores.argmax(1)], truth) == expected

    assert python_says(small, tmp_path, files) == round(expected * len(files))


def share(said: list[str], truth: list[str]) -> float:
    return sum(one == other for one, other in zip(said, truth, strict=True)) / len(truth)


def python_says(small: Path, folder: Path, files: list[Path]) -> int:
    """How many images the exported file names rightly, run as a program that cannot import cnnwiz."""
    export(small, Settings("python", folder / "net.py"))
    barred = folder / "barred" / "cnnwiz"
    barred.mkdir(parents=True)
    (barred / "__init__.py").write_text("raise ImportError('cnnwiz is not here')\n")
    environment = {**os.environ, "PYTHONPATH": str(barred.parent)}
    words = [sys.executable, str(folder / "net.py"), *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120, env=environment, cwd=folder)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == [str(file) for file in files]
    return sum(Path(line[0]).parent.name == line[1] for line in lines)


def test_the_python_file_goes_on_training(small, tmp_path):
    export(small, Settings("python", tmp_path / "net.py"))
    words = [sys.executable, str(tmp_path / "net.py"), "--train", str(small.parent / "digits" / "train")]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path)
    losses = [float(loss) for loss in re.findall(r"loss ([0-9.]+)", done.stdout)]
    assert len(losses) == 10
    assert losses[-1] < losses[0]
    with np.load(tmp_path / "net-trained.npz", allow_pickle=False) as after, np.load(tmp_path / "net.npz") as before:
        assert after.files == before.files
        assert any((after[name] != before[name]).any() for name in after.files)


def test_weights_are_plain_safetensors(small, tmp_path):
    found = export(small, Settings("weights", tmp_path / "w.safetensors", weights="last"))
    tensors = load_file(tmp_path / "w.safetensors")
    trained = open_trained(small, "last", "cpu")
    assert set(tensors) == set(trained.network.state_dict())
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in trained.network.state_dict().items())
    assert found.about["preprocessing"]["mean"] == trained.preprocessing["mean"]
    assert found.about["classes"] == list(trained.classes)


def test_torch_export_can_be_loaded_with_any_batch(small, tmp_path):
    export(small, Settings("torch_export", tmp_path / "net.pt2", inside=True))
    module = torch.export.load(tmp_path / "net.pt2").module()
    trained = open_trained(small, device="cpu")
    for count in (1, 3, 50):
        canvases = np.random.default_rng(count).integers(0, 256, (count, 10, 10, 1), dtype=np.uint8)
        with torch.inference_mode():
            expected = trained.network(preprocess(canvases, trained.preprocessing))
        torch.testing.assert_close(module(torch.from_numpy(canvases)), expected, rtol=1e-5, atol=1e-5)


@ONNX_NOISE
@pytest.mark.slow
@pytest.mark.parametrize("name", ["input.polar", "normalization.weight"])
def test_unusual_choices_go_to_onnx(name, tmp_path):
    trained = untrained(parsed(TEXTS[name]))
    about = {"classes": list(trained.classes), **described(trained, False)}
    run = formats.onnx(trained, tmp_path / "net.onnx", False, about)
    side, channels = trained.preprocessing["canvas"], trained.preprocessing["channels"]
    canvases = np.random.default_rng(0).integers(0, 256, (5, side, side, channels), dtype=np.uint8)
    with torch.inference_mode():
        expected = trained.network(preprocess(canvases, trained.preprocessing)).numpy()
    np.testing.assert_allclose(run(canvases), expected, rtol=1e-4, atol=1e-4)


def test_a_file_that_differs_is_not_kept(small, tmp_path, monkeypatch, capsys):
    def wrong(trained, path, inside, about):
        run = formats.weights(trained, path, inside, about)
        return lambda canvases: run(canvases) + 1e-3

    module = importlib.import_module("cnnwiz.exports.export")  # the function of the package has the same name
    monkeypatch.setitem(module.FORMATS, "weights", module.FORMATS["weights"]._replace(write=wrong))
    words = ["export", str(small), "--format", "weights", "-o", str(tmp_path / "new" / "w.safetensors")]
    assert cnnwiz(words) == 1
    assert "the file would differ from the run" in capsys.readouterr().err
    assert list((tmp_path / "new").iterdir()) == []
    assert cnnwiz([*words, "--tolerance", "0.01"]) == 0


@pytest.mark.parametrize("name", ["weight norm, uneven padding", "activation.rrelu", "layer.adaptive_pool"])
def test_portable_is_of_ordinary_layers_and_keeps_the_run_as_it_is(name):
    trained = untrained(parsed(TEXTS[name]))
    names = list(trained.network.state_dict())
    portable = Portable(trained, inside=False)
    assert list(trained.network.state_dict()) == names
    assert not any("parametrizations" in name for name in portable.state_dict())
    assert not any(isinstance(module, torch.nn.RReLU) for module in portable.modules())
    x = torch.randn(2, *trained.graph.input)
    torch.testing.assert_close(portable(x), trained.network(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--format", "onnx", "-o", "x.py"], 2, "writes .onnx files"),
        (["--format", "python", "--preprocessing", "inside"], 2, "--preprocessing inside is for"),
        (["--format", "python", "-o", "taken.py"], 2, "exists; take another --output, or --force"),
        (["--format", "weights", "--data", "nowhere"], 2, "no such file"),
        (["--format", "tflite"], 2, "tflite"),
    ],
)
def test_wrong_arguments(small, tmp_path, monkeypatch, capsys, words, code, says):
    monkeypatch.chdir(tmp_path)
    Path("taken.py").write_text("mine")
    assert cnnwiz(["export", str(small), *words]) == code
    assert says in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["taken.py"]


def test_images_that_are_not_here_are_asked_for(tmp_path):
    run = train_small(tmp_path, ("epochs: 4", "epochs: 1"))
    (tmp_path / "digits").rename(tmp_path / "elsewhere")
    with pytest.raises(CnnwizError, match="name some by --data"):
        export(run, Settings("weights"))
    found = export(run, Settings("weights", data=tmp_path / "elsewhere"))
    assert found.files[0] == run / "export" / "small.safetensors"
    assert found.parity.images == 120


def test_what_is_said(small, tmp_path, capsys):
    assert cnnwiz(["export", str(small), "--format", "weights", "-o", str(tmp_path / "w.safetensors")]) == 0
    out = capsys.readouterr().out
    assert "difference  0 at most" in out
    assert "the middle 8 x 8 px cut out" in out
    words = ["export", str(small), "--format", "python", "-o", str(tmp_path / "n.py"), "--output-format", "json"]
    assert cnnwiz(words) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["files"] == [str(tmp_path / "n.py"), str(tmp_path / "n.npz")]
    assert about["parity"]["difference"] == 0
