"""Detectors of drawn rectangles: learned, resumed to the same bits, helped by a classifier, judged again."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_data_voc import COLOURS, drawn
from test_training_exact import finish, parsed, result

from cnnwiz.__main__ import run as command
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import evaluate, open_trained
from cnnwiz.prediction import predict
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run

LAYERS = """
    - conv: {channels: 8, stride: 2}
    - conv: {channels: 16, stride: 2}
    - conv: {channels: 16, stride: 2}
"""
SPEC = """
cnnwiz: 1
name: rectangles
task: detect
data:
  source: {{pascal_voc: {source}}}
  image_size: 48
augment: [horizontal_flip, vertical_flip]
model:
  {origin}
  layers:{layers}
  head: {{detection: {{channels: 16}}}}
loss: fcos
optimizer: {{adamw: {{lr: 0.01}}}}
schedule: {{cosine: {{warmup_epochs: 1}}}}
training: {{batch_size: 16, epochs: {epochs}, precision: float32{more}}}
"""


def spec_of(root: Path, epochs: int, more: str = "", origin: str = "", source: str = ""):
    text = SPEC.format(
        source=f"{{path: {root}{source}}}",
        epochs=epochs,
        more=more,
        origin=f"from: {origin}" if origin else "",
        layers=LAYERS,
    )
    return parsed(text)


def lines(directory: Path) -> list[dict]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def rectangles(tmp_path_factory) -> Path:
    return drawn(tmp_path_factory.mktemp("rectangles") / "voc", {"train": 96, "val": 16, "test": 16}, size=(48, 48))


@pytest.fixture(scope="module")
def trained(rectangles: Path, tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("run") / "run"
    finish(Run.create(directory, spec_of(rectangles, 25)))
    return directory


def test_a_small_network_finds_drawn_rectangles(trained: Path) -> None:
    first, last = lines(trained)[0], lines(trained)[-1]
    assert last["train_loss"] < first["train_loss"] / 3
    assert first["train_accuracy"] is None
    metrics = json.loads((trained / "run.json").read_text())["metrics"]
    assert metrics["test_map50"] > 0.9
    assert 0.4 < metrics["test_map"] < metrics["test_map50"]
    best = max(range(25), key=lambda epoch: (lines(trained)[epoch]["val_map"], epoch))
    assert json.loads((trained / "run.json").read_text())["best"]["epoch"] == best + 1


def test_eval_measures_what_training_measured(trained: Path, rectangles: Path, capsys) -> None:
    found = evaluate(trained, device="cpu").measured
    metrics = json.loads((trained / "run.json").read_text())["metrics"]
    assert found["map"] == pytest.approx(metrics["test_map"], abs=1e-6)
    assert found["map50"] == pytest.approx(metrics["test_map50"], abs=1e-6)
    assert found["loss"] == pytest.approx(metrics["test_loss"], rel=1e-4)
    assert [row["class"] for row in found["per_class"]] == ["blue", "red"]
    assert found["map50_interval"][0] <= found["map50"] <= found["map50_interval"][1]
    assert np.mean([row["ap"] for row in found["per_class"]]) == pytest.approx(found["map"])
    elsewhere = evaluate(trained, data=rectangles, device="cpu").measured
    assert elsewhere["map"] == pytest.approx(found["map"])
    assert command(["eval", str(trained), "--device", "cpu", "--workers", "0"]) == 0
    text = capsys.readouterr().out
    assert "mAP at IoU 0.5 to 0.95" in text
    with pytest.raises(CnnwizError, match="leave it out"):
        evaluate(trained, device="cpu", tta="flip")


def test_boxes_of_other_classes_are_matched_by_name(trained: Path, tmp_path: Path) -> None:
    root = drawn(tmp_path / "voc", {"train": 8, "test": 12}, seed=3, size=(48, 48))
    for file in (root / "Annotations").iterdir():
        file.write_text(file.read_text().replace("blue", "sky"))
    with pytest.raises(CnnwizError, match="'sky' is none of those"):
        evaluate(trained, data=root, device="cpu")
    for file in (root / "Annotations").iterdir():
        file.write_text(file.read_text().replace("sky", "blue"))
    spec = tmp_path / "other.yaml"
    spec.write_text(
        f"cnnwiz: 1\ntask: detect\ndata: {{source: {{pascal_voc: {{path: {root}, classes: [red, blue]}}}}, "
        "image_size: 48}\nmodel: {layers: [{conv: {channels: 8}}], head: detection}\nloss: fcos\n"
    )
    named = evaluate(trained, data=spec, device="cpu").measured  # numbered the other way round there
    assert named["map"] == pytest.approx(evaluate(trained, data=root, device="cpu").measured["map"])
    assert named["map50"] > 0.7


def test_predict_draws_boxes_on_images_of_any_size(trained: Path, tmp_path: Path, capsys) -> None:
    pixels = np.random.default_rng(0).integers(100, 156, (96, 144, 3)).astype(np.uint8)
    pixels[24:66, 36:78] = COLOURS["red"]  # a quarter from the left and top
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    (answer,) = predict(open_trained(trained, device="cpu"), [tmp_path / "wide.png"], top=1)
    assert answer.boxes is not None
    (box,) = answer.boxes
    assert box.name == "red"
    assert box.sides == pytest.approx((0.25, 0.25, 78 / 144, 66 / 96), abs=0.08)
    for kind in ("json", "csv", "table"):
        words = ["predict", str(trained), str(tmp_path / "wide.png"), "--format", kind, "--device", "cpu"]
        assert command([*words, "--workers", "0", "--top", "1"]) == 0
        assert "red" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["export", "RUN", "--format", "onnx"], ["compare", "RUN", "RUN"]], ids=lambda w: w[0]
)
def test_commands_that_take_no_boxes_say_so(words: list[str], trained: Path, capsys) -> None:
    assert command([str(trained) if word == "RUN" else word for word in words]) == 2
    assert "does not take runs of task detect" in capsys.readouterr().err


def test_an_interrupted_run_ends_with_the_same_bits(rectangles: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    spec = spec_of(rectangles, 3, ", micro_batch: 8, ema: 0.9")
    finish(Run.create(tmp_path / "whole", spec))
    steps = iter([0] * 7 + [signal.SIGTERM])
    with Run.create(tmp_path / "cut", spec) as run:
        assert [type(event).__name__ for event in fit(run, device="cpu", stop=lambda: next(steps))][-1] == "Stopped"
    finish(Run.reopen(tmp_path / "cut"))
    assert result(tmp_path / "cut") == result(tmp_path / "whole")


CLASSIFIER = """
cnnwiz: 1
name: colours
data: {{source: {{folder: {{path: {path}}}}}, image_size: 48, validation: {{fraction: 0.25}}}}
model:
  layers:{layers}
optimizer: {{adamw: {{lr: 0.01}}}}
training: {{batch_size: 8, epochs: 3, precision: float32}}
"""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    """A folder for each colour, and one that no box has."""
    root, generator = tmp_path_factory.mktemp("labelled"), np.random.default_rng(0)
    for name, colour in {**COLOURS, "green": (40, 220, 40)}.items():
        (root / name).mkdir()
        for number in range(8):
            pixels = generator.integers(100, 156, (48, 48, 3)).astype(np.uint8)
            left, top = generator.integers(0, 24, 2)
            pixels[top : top + 24, left : left + 24] = colour
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def test_a_backbone_comes_from_a_classification_run(rectangles: Path, labelled: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    finish(Run.create(tmp_path / "colours", parsed(CLASSIFIER.format(path=labelled, layers=LAYERS))))
    spec = spec_of(rectangles, 1, ", layer_decay: 0.5", origin=str(tmp_path / "colours"))
    with Run.create(tmp_path / "run", spec) as run:
        notices = [
            event.text for event in fit(run, device="cpu", stop=lambda: signal.SIGTERM) if hasattr(event, "text")
        ]
    assert any("new head" in notice for notice in notices)
    before = open_trained(tmp_path / "colours", device="cpu").network.state_dict()
    run = Run.reopen(tmp_path / "run")
    found = run.latest_checkpoint()
    run.close()
    assert found is not None
    drift = (found[0]["model.layers.0.conv.weight"] - before["layers.0.conv.weight"]).abs().max()
    assert drift < 0.01  # one step from there; other weights differ by about 0.5


def test_images_with_a_class_alone_join_training(rectangles: Path, labelled: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    finish(Run.create(tmp_path / "run", spec_of(rectangles, 6, source=f", labelled: {labelled}, repeat: 2")))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["classes"] == ["blue", "red", "green"]
    assert record["data"]["images"]["train"]["green"] == 8
    assert record["metrics"]["test_map50"] > 0.5  # over the classes that have boxes
    assert lines(tmp_path / "run")[-1]["train_loss"] < 0.7 * lines(tmp_path / "run")[0]["train_loss"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("augment: [mixup]", "mixup mixes images"),
        ("augment: [random_crop]", "random_crop moves or hides objects"),
        ("loss: cross_entropy", "losses for it: fcos"),
        ("loss: hinge", "losses for it: fcos"),
        ("task: classify", "does not serve task classify"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(
    change: str, message: str, rectangles: Path, tmp_path: Path
) -> None:
    key, value = change.split(": ")
    text = SPEC.format(source=f"{{path: {rectangles}}}", epochs=1, more="", origin="", layers=LAYERS)
    text = "\n".join(f"{key}: {value}" if line.startswith(f"{key}:") else line for line in text.splitlines())
    with Run.create(tmp_path / "run", parsed(text)) as run, pytest.raises(CnnwizError) as caught:
        list(fit(run, device="cpu"))
    assert message in str(caught.value)
