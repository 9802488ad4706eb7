"""`cnnwiz eval` on a run: the numbers of the run, other images by the names of their classes, views, slices, table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_run import NAMES, train_small, write_digits

from cnnwiz.__main__ import run as cnnwiz
from cnnwiz.data.loader import preprocess
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import evaluate, open_trained
from cnnwiz.evaluation.slices import by_size
from cnnwiz.training.run import read_record


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return train_small(tmp_path_factory.mktemp("eval"))


def test_numbers_are_those_of_the_run(small):
    for split, prefix in (("test", "test"), ("validation", "val")):
        measured = evaluate(small, split, device="cpu").measured
        recorded = read_record(small)["metrics"]
        assert measured["accuracy"] == recorded[f"{prefix}_accuracy"] > 0.5
        assert measured["loss"] == recorded[f"{prefix}_loss"]
        low, high = measured["loss_interval"]
        assert low < measured["loss"] < high


def test_every_number_has_an_interval_that_holds_it(small):
    measured = evaluate(small, device="cpu").measured
    pairs = [(measured[name], measured[f"{name}_interval"]) for name in ("accuracy", "loss", "macro_f1")]
    pairs += [(row["accuracy"], row["interval"]) for row in measured["top_k"]]
    calibration = measured["calibration"]
    pairs += [(calibration[name], calibration[f"{name}_interval"]) for name in ("ece", "brier", "nll")]
    for row in measured["per_class"]:
        pairs += [(row[name], row[f"{name}_interval"]) for name in ("precision", "recall", "f1")]
    assert [(value, interval) for value, interval in pairs if not interval[0] <= value <= interval[1]] == []
    assert [row["k"] for row in measured["top_k"]] == [2, 3, 4, 5]
    assert np.array(measured["confusion"]).sum() == measured["images"] == 120


def test_folding_changes_rounding_only(small):
    plain, folded = (evaluate(small, device="cpu", fused=fused) for fused in (False, True))
    torch.testing.assert_close(folded.outputs.scores, plain.outputs.scores, rtol=1e-4, atol=1e-4)
    assert folded.measured["accuracy"] == plain.measured["accuracy"]
    assert len(list(folded.trained.network.parameters())) < len(list(plain.trained.network.parameters()))


def test_other_images_are_matched_by_the_names_of_their_classes(small, tmp_path):
    """Three of the ten classes, whose places in the folder are not those in the run."""
    for name in ("two", "nine", "eight"):
        shutil.copytree(small.parent / "digits" / "test" / name, tmp_path / name)
    whole, part = evaluate(small, device="cpu"), evaluate(small, data=tmp_path, device="cpu")
    rows = {row["class"]: row for row in whole.measured["per_class"]}
    assert part.measured["images"] == 36
    for row in part.measured["per_class"]:
        expected = rows[row["class"]] if (tmp_path / row["class"]).exists() else {"images": 0, "recall": 0}
        assert (row["images"], row["recall"]) == (expected["images"], expected["recall"])


def test_a_folder_of_splits_and_a_spec_give_the_same_images(small, tmp_path):
    folder = small.parent / "digits"
    spec = tmp_path / "other.yaml"
    spec.write_text(
        f"cnnwiz: 1\ndata: {{source: {{folder: {{path: {folder}}}}}}}\nmodel: {{layers: [conv: {{channels: 4}}]}}\n"
    )
    found = [evaluate(small, data=data, device="cpu").measured["accuracy"] for data in (None, folder, spec)]
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: (folder / "ten").mkdir(), "holds no test images"),
        (lambda folder: write_digits(folder, 2, 1, ("zero", "eleven")), "'eleven' is none of those"),
        (lambda folder: write_digits(folder, 2, 0), "name one of them"),
        (lambda folder: None, "holds no folders"),
    ],
)
def test_images_that_do_not_fit_are_refused(small, tmp_path, make, words):
    make(tmp_path)
    with pytest.raises(CnnwizError, match=words):
        evaluate(small, data=tmp_path, device="cpu")


def test_damaged_images_are_listed(small, tmp_path):
    (tmp_path / "zero").mkdir()
    (tmp_path / "zero" / "bad.png").write_bytes(b"no image")
    with pytest.raises(CnnwizError, match=r"1 of 1 images cannot be read.*bad\.png"):
        evaluate(small, data=tmp_path, device="cpu")


def test_changed_data_are_noticed(small, tmp_path):
    copied = tmp_path / "run"
    shutil.copytree(small, copied)
    record = json.loads((copied / "run.json").read_text())
    record["data"]["sha256"] = "0" * 64
    (copied / "run.json").write_text(json.dumps(record))
    assert evaluate(small, device="cpu").outputs.notices == ()
    assert "have changed" in evaluate(copied, device="cpu").outputs.notices[0]


@pytest.mark.parametrize(("tta", "count"), [("flip", 2), ("crops", 5), ("ten", 10)])
def test_views_are_averaged(small, tta, count):
    """Against cuts made by hand: canvases are 10 px, images 8 px."""
    trained = open_trained(small, device="cpu")
    outputs = evaluate(small, device="cpu", tta=tta).outputs
    canvases = outputs.pixels.batch(np.arange(len(outputs)))
    cuts = [canvases[:, 1:9, 1:9]]
    if tta != "flip":
        cuts += [canvases[:, top : top + 8, left : left + 8] for top in (0, 2) for left in (0, 2)]
    if tta != "crops":
        cuts += [cut[:, :, ::-1] for cut in cuts]
    assert len(cuts) == count
    facts = trained.preprocessing | {"canvas": 8}
    with torch.inference_mode():
        shares = [trained.network(preprocess(np.ascontiguousarray(cut), facts)).softmax(1) for cut in cuts]
    torch.testing.assert_close(outputs.probabilities, torch.stack(shares).mean(0).double(), rtol=1e-5, atol=1e-6)


def test_crops_need_room(tmp_path):
    run = train_small(tmp_path, ("canvas: 10", "canvas: 8"))
    with pytest.raises(CnnwizError, match="--tta ten: the canvas is 8 px"):
        evaluate(run, device="cpu", tta="ten")


def test_slices_by_size_are_shares_of_right_ones(tmp_path):
    sides = [5, 7, 8, 15, 15, 16, 31, 40]
    correct = np.array([1, 0, 1, 1, 0, 1, 1, 1], bool)
    files = []
    for number, side in enumerate(sides):
        files.append(tmp_path / f"{number}.png")
        Image.new("L", (side, side + number)).save(files[-1])
    rows = by_size(tuple(files), correct)
    assert [(row["from_px"], row["to_px"], row["images"]) for row in rows] == [
        (4, 7, 2),
        (8, 15, 3),
        (16, 31, 2),
        (32, 63, 1),
    ]
    assert [row["accuracy"] for row in rows] == pytest.approx([1 / 2, 2 / 3, 1, 1])
    assert by_size(tuple(files[:2]), correct[:2]) == []


def test_a_slice_that_is_worse_is_said_to_be(tmp_path):
    files = []
    for number in range(60):
        files.append(tmp_path / f"{number}.png")
        Image.new("L", (9, 9) if number < 30 else (40, 40)).save(files[-1])
    rows = by_size(tuple(files), np.array([False] * 25 + [True] * 35))
    assert [row["below"] for row in rows] == [True, False]


def test_table_and_json(small, capsys):
    assert cnnwiz(["eval", str(small), "--device", "cpu", "--workers", "0"]) == 0
    table = capsys.readouterr().out
    assert cnnwiz(["eval", str(small), "--device", "cpu", "--workers", "0", "--output-format", "json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert f"accuracy           {measured['accuracy']:.4f}" in table
    assert all(name in table for name in (*NAMES, "calibration error", "macro F1", "top-2", "mistaken most often"))
    assert {"run", "split", "data", "weights", "fused", "tta", "intervals", "slices"} <= set(measured)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 2, "not a run directory"),
        (["RUN", "--data", "nowhere.yaml"], 2, "no such file"),
        (["RUN", "--tta", "eleven"], 2, "eleven"),
    ],
)
def test_wrong_arguments(small, capsys, arguments, code, words):
    given = [str(small) if word == "RUN" else word for word in arguments]
    assert cnnwiz(["eval", *given, "--device", "cpu"]) == code
    assert words in capsys.readouterr().err


def test_every_class_is_one_of_the_runs(small):
    assert open_trained(small, device="cpu").classes == tuple(sorted(NAMES))
