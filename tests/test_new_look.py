"""Looking at the images before deciding: what is found in folders and arrays, and what follows from it."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wizard import fingerprint, given_texts, pictures

from cnnwiz.__main__ import run
from cnnwiz.catalog.source import Arrays, Folder
from cnnwiz.cli.look import source_at
from cnnwiz.data import look as looking
from cnnwiz.data.look import look
from cnnwiz.decisions import Background, before, question, spec_from
from cnnwiz.errors import CnnwizError
from cnnwiz.rules import lint
from cnnwiz.spec import load


def seen(root: Path):
    return look(Folder(path=str(root)))


def advice(key: str, **about):
    """What is recommended for the images of a fingerprint."""
    found = fingerprint(**about)
    texts = {"data.source": found.source, "data.path": found.path}
    return question(key).recommend(before(given_texts(texts, about=Background(seen=found)), key))


# What is found


def test_counts_sizes_and_splits(tmp_path):
    pictures(tmp_path / "train", {"cat": 5, "dog": 3}, side=(40, 30))
    pictures(tmp_path / "val", {"cat": 1, "dog": 2}, side=(50, 60), seed=1)
    pictures(tmp_path / "test", {"cat": 2, "dog": 2}, side=(70, 80), seed=2)
    found = seen(tmp_path)
    assert (found.classes, found.images) == (("cat", "dog"), (5, 3))
    assert (found.validation, found.test) == (3, 4)
    assert found.sides == (30, 30, 70)
    assert not found.square
    assert (found.channels, found.grey, found.looked, found.compared) == (3, 0.0, 15, True)
    assert found.headline() == "2 classes, 8 images, 3 for validation, 4 for test, RGB, short side 30 to 70 px"
    assert list(found.remarks()) == []


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_grey_by_mode_or_by_content(tmp_path, mode, channels):
    pictures(tmp_path / "a", {"x": 3, "y": 3}, side=(16, 16), mode=mode)
    assert seen(tmp_path / "a").channels == channels
    assert seen(tmp_path / "a").square
    for file in (tmp_path / "a").rglob("*.png"):  # grey images saved as RGB
        Image.open(file).convert("L").convert("RGB").save(file)
    assert seen(tmp_path / "a").channels == 1


def test_copies_across_splits_and_in_two_classes(tmp_path):
    pictures(tmp_path / "train", {"cat": 4, "dog": 4})
    pictures(tmp_path / "test", {"cat": 3, "dog": 3}, seed=1)
    shutil.copy(tmp_path / "train/cat/001.png", tmp_path / "test/cat/again.png")
    shutil.copy(tmp_path / "train/dog/000.png", tmp_path / "train/cat/wrong.png")
    found = seen(tmp_path)
    assert (found.leaked, found.contradicting) == (1, 2)
    remarks = " ".join(found.remarks())
    assert "1 image of validation or test are also training images" in remarks or "1 image " in remarks
    assert "2 images lie in two classes" in remarks


def test_large_files_that_only_begin_alike_are_no_copies(tmp_path):
    pictures(tmp_path, {"a": 2, "b": 2}, side=(200, 200))
    one = (tmp_path / "a/000.png").read_bytes()
    for name, tail in (("a/x.png", b"1" * 20), ("b/x.png", b"2" * 20)):  # ignored behind the end of a PNG
        (tmp_path / name).write_bytes(one + tail)
    assert seen(tmp_path).contradicting == 0
    (tmp_path / "b/x.png").write_bytes(one + b"1" * 20)
    assert seen(tmp_path).contradicting == 2


def test_unreadable_files_are_named(tmp_path):
    pictures(tmp_path, {"cat": 4, "dog": 4})
    (tmp_path / "cat/empty.png").touch()
    (tmp_path / "cat/text.jpg").write_text("no image at all")
    whole = (tmp_path / "dog/000.png").read_bytes()
    (tmp_path / "dog/cut.png").write_bytes(whole[: len(whole) // 2])
    content = io.BytesIO()
    Image.open(tmp_path / "dog/001.png").save(content, "JPEG")
    (tmp_path / "dog/cut.jpg").write_bytes(content.getvalue()[:-200])
    (tmp_path / "dog/cut.ppm").write_bytes(b"P6 10 10 255\n" + b"x" * 100)
    found = seen(tmp_path)
    assert sorted(Path(line.split("'")[1]).name for line in found.unreadable) == [
        "cut.jpg",
        "cut.png",
        "cut.ppm",
        "empty.png",
        "text.jpg",
    ]
    assert "5 images cannot be read, and training would stop" in " ".join(found.remarks())


def test_imbalance_is_told_with_what_it_makes_of_accuracy(tmp_path):
    pictures(tmp_path, {"rare": 2, "usual": 18}, side=(8, 8))
    assert "always answering 'usual' is already right for 90%" in " ".join(seen(tmp_path).remarks())


def test_large_sets_are_sampled_and_say_so(tmp_path, monkeypatch):
    pictures(tmp_path, {"a": 30, "b": 30}, side=(8, 8))
    monkeypatch.setattr(looking, "LOOKED", 10)
    found = seen(tmp_path)
    assert (found.looked, found.total, found.compared) == (10, 60, False)
    assert "are those of 10 images, evenly drawn" in " ".join(found.remarks())


def test_the_same_files_give_the_same_fingerprint(tmp_path):
    pictures(tmp_path / "one", {"b": 3, "a": 2})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    os.utime(tmp_path / "two/a", (0, 0))
    one, two = seen(tmp_path / "one"), seen(tmp_path / "two")
    assert one == type(one)(**{**vars(two), "path": one.path})


def test_progress_grows_to_the_total(tmp_path):
    pictures(tmp_path, {"a": 150, "b": 150}, side=(8, 8))
    steps: list[tuple[int, int]] = []
    look(Folder(path=str(tmp_path)), lambda done, total: steps.append((done, total)))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1] == (300, 300)


def test_arrays(tmp_path):
    chance = np.random.default_rng(0)
    train, test = (chance.integers(0, 256, (count, 28, 28), dtype=np.uint8) for count in (40, 20))
    test[0] = train[3]
    labels = {"y_train": np.arange(40) % 10, "y_test": np.arange(20) % 10}
    np.savez(tmp_path / "signs.npz", x_train=train, x_test=test, **labels)
    found = look(Arrays(path=str(tmp_path / "signs.npz")))
    assert (found.images, found.test, found.sides, found.channels) == ((4,) * 10, 20, (28, 28, 28), 1)
    assert found.leaked == 1
    assert found.signs


def test_folders_without_images_are_refused(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    with pytest.raises(CnnwizError, match="no image in"):
        seen(tmp_path)


# Which source a path is


def test_sources_of_paths(tmp_path):
    pictures(tmp_path / "photos", {"a": 1, "b": 1})
    (tmp_path / "sets/cifar-10-batches-py").mkdir(parents=True)
    np.savez(tmp_path / "x.npz", x=1)
    assert source_at("digits") == {"data.source": "digits"}
    assert source_at(str(tmp_path / "photos"))["data.source"] == "folder"
    assert source_at(str(tmp_path / "sets")) == {"data.source": "cifar10", "data.path": str(tmp_path / "sets")}
    assert source_at(str(tmp_path / "x.npz"))["data.source"] == "arrays"
    for wrong in ("nowhere", str(tmp_path / "photos/a/000.png")):
        with pytest.raises(CnnwizError, match="--data"):
            source_at(wrong)


# What follows from it


def test_the_side_is_that_of_small_images_and_does_not_enlarge():
    assert advice("data.image_size", sides=(32, 32, 32), square=True).value == 32
    assert advice("data.image_size", sides=(28, 28, 28), square=True).value == 28
    assert advice("data.image_size", sides=(224, 224, 224), square=True).value == 128
    assert advice("data.image_size", sides=(92, 92, 92), square=False).value == 64
    assert advice("data.image_size", sides=(33, 190, 299), square=False).value == 128
    assert advice("data.image_size", sides=(5, 7, 9), square=False).value == 7


@pytest.mark.parametrize(("count", "batch"), [(5_000, 128), (285, 128), (280, 64), (100, 32), (30, 16), (3, 16)])
def test_batches_leave_twenty_steps_an_epoch(count, batch):
    found = advice("training.batch_size", images=(count,) * 10)
    assert found.value == batch
    left = round(count * 10 * 0.9)
    assert batch == 16 or left // batch >= 20


def test_few_images_get_more_epochs_a_narrower_network_and_more_validation():
    few = {"images": (30,) * 10}
    assert advice("training.epochs", **few).value == 100
    assert advice("training.epochs", images=(5_000,) * 10).value == 30
    assert advice("training.epochs", images=(500,) * 10).value == 60
    assert (advice("architecture.width", **few).value, advice("architecture.width").value) == (32, 64)
    assert advice("data.validation.fraction", images=(8,) * 10).value == 0.2
    assert advice("optimizer.sgd.lr", **few).value < advice("optimizer.sgd.lr").value


def test_signs_are_not_mirrored_and_photos_are():
    digits = {"classes": tuple("0123456789"), "sides": (28, 28, 28), "square": True, "grey": 1.0}
    assert advice("augment", **digits).value == ("random_crop",)
    assert advice("augment").value == ("random_resized_crop", "horizontal_flip")
    coloured = {"source": "arrays", "classes": tuple("0123456789"), "sides": (32, 32, 32), "square": True}
    assert "horizontal_flip" in advice("augment", **coloured).value


def test_the_stem_and_the_stages_follow_the_side():
    small = {"sides": (32, 32, 32), "square": True}
    assert (advice("architecture.stem", **small).value, advice("architecture.stages", **small).value) == ("small", 3)
    assert (advice("architecture.stem").value, advice("architecture.stages").value) == ("pooled", 3)


def test_grey_images_in_a_folder_are_read_as_grey():
    assert advice("data.channels", grey=1.0).value == 1
    assert advice("data.channels", grey=0.5).value is None
    found = fingerprint(grey=1.0)
    answers = given_texts({"data.source": "folder", "data.path": "photos"}, about=Background(seen=found))
    assert spec_from(answers).data.channels == 1


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"images": (5,) * 10},
        {"sides": (32, 32, 32), "square": True, "images": (5_000,) * 10},
        {"sides": (8, 8, 8), "square": True, "grey": 1.0},
        {"classes": ("a", "b"), "images": (40, 3)},
        {"validation": 100, "test": 100},
    ],
)
def test_what_is_recommended_has_no_finding(about):
    found = fingerprint(**about)
    answers = given_texts({"data.source": "folder", "data.path": "photos"}, about=Background(seen=found))
    spec = spec_from(answers)
    counted = spec.model_copy(update={"data": spec.data.model_copy(update={"classes": len(found.classes)})})
    assert [f.message for f in lint(counted) if f.severity != "info"] == []


def test_the_command_looks_says_and_decides(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "signs", {"0": 6, "1": 6}, side=(32, 32), mode="L")
    assert run(["new", "--data", "signs", "--defaults"]) == 0
    assert "Data: 2 classes, 12 images, grey, 32 px." in capsys.readouterr().err
    spec = load("signs.yaml")
    assert (spec.data.image_size, spec.data.channels) == (32, 1)
    assert [step.key for step in spec.augment] == ["random_crop"]
    assert "2 classes, 12 images, grey, 32 px" in (tmp_path / "signs.yaml").read_text()


@pytest.mark.parametrize("options", [["--defaults"], []])
def test_nobody_is_asked_for_the_classes_of_a_path_that_is_wrong(tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(tmp_path)
    assert run(["new", *options, "--set", "data.source=folder", "--set", "data.path=/no/photos"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: data.path /no/photos: no such file or folder;")
    assert error.endswith("--set data.classes=N")


def test_data_that_are_elsewhere_are_described_by_hand(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["--set", "data.source=folder", "--set", "data.path=elsewhere", "--set", "data.classes=7"]
    assert run(["new", "--defaults", *options]) == 0
    assert "There is nothing at 'elsewhere' now" in capsys.readouterr().err
    assert load("elsewhere.yaml").data.classes == 7
