"""Preparation: canvases, statistics, validation split, fingerprint; the same by any number of workers or bytes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_data_sources import archive

from cnnwiz.catalog.source import Arrays, Digits, Folder, Source
from cnnwiz.data import pixels as pixels_module
from cnnwiz.data.decode import decode
from cnnwiz.data.pixels import memory_for_images, read_pixels
from cnnwiz.data.prepare import prepare
from cnnwiz.errors import CnnwizError
from cnnwiz.spec.document import Data, Validation

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


def data(source: Source, fraction: float = 0.25, seed: int | None = 0, **fields) -> Data:
    """The data section of a spec."""
    return Data(source=source, validation=Validation.model_construct(fraction=fraction, seed=seed), **fields)


def photos(root: Path, count: int = 40, width: int = 20, height: int = 16) -> Folder:
    """A folder of random photographs in two classes."""
    generator = np.random.default_rng(0)
    for number in range(count):
        path = root / "ab"[number % 2] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return Folder(path=str(root))


def all_of(split) -> np.ndarray:
    return split.batch(np.arange(len(split)))


def test_canvases_are_the_decoded_files(tmp_path):
    prepared = prepare(data(photos(tmp_path)), 8, 0)
    assert prepared.preprocessing["canvas"] == round(8 * 8 / 7)
    expected = np.stack([decode(file, 9, 3) for file in prepared.train.split.files])
    assert np.array_equal(all_of(prepared.train), expected)
    assert prepared.classes == ("a", "b")
    assert prepared.test is None
    assert prepared.notices == ()


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("memory", [0, None])
def test_workers_and_memory_change_no_bit(tmp_path, monkeypatch, workers, memory):
    monkeypatch.setattr(pixels_module, "CHUNK", 7)
    source = photos(tmp_path)
    plain, other = prepare(data(source), 8, 0), prepare(data(source), 8, 0, workers, None, memory)
    assert plain.validation is not None
    assert other.validation is not None
    assert (other.train.held is None) == (memory == 0)
    assert np.array_equal(all_of(other.train), all_of(plain.train))
    groups = [np.array([3, 1]), np.array([0]), np.array([5, 5, 2])]
    for found, expected in zip(other.validation.batches(groups), plain.validation.batches(groups), strict=True):
        assert np.array_equal(found, expected)
    assert (other.preprocessing, other.fingerprint) == (plain.preprocessing, plain.fingerprint)


def test_decoding_leaves_the_global_generator_alone(tmp_path):
    import torch

    source = photos(tmp_path)
    before = torch.get_rng_state()
    prepared = prepare(data(source), 8, 0, workers=2, memory=0)
    assert len(list(prepared.train.batches([np.array([0])]))) == 1
    assert torch.equal(before, torch.get_rng_state())


def test_memory_is_shared_by_the_splits(tmp_path):
    source = photos(tmp_path)
    size = 9 * 9 * 3
    for images, held in ((40, (True, True)), (39, (True, False)), (29, (False, True)), (9, (False, False))):
        prepared = prepare(data(source), 8, 0, memory=images * size)
        assert prepared.validation is not None
        assert (prepared.train.held is not None, prepared.validation.held is not None) == held


def test_default_memory_is_within_reason():
    assert 0 < memory_for_images() <= 4 * 2**30


def test_progress_counts_all_splits(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels_module, "CHUNK", 8)
    told = []
    prepare(data(photos(tmp_path)), 8, 0, 0, lambda done, total: told.append((done, total)))
    assert told == [(8, 40), (16, 40), (24, 40), (30, 40), (38, 40), (40, 40)]


@pytest.mark.parametrize(("width", "height", "canvas"), [(16, 16, 16), (90, 16, 16), (5, 90, 16), (17, 17, 18)])
def test_canvas_has_a_margin_only_where_images_are_larger(tmp_path, width, height, canvas):
    prepared = prepare(data(photos(tmp_path, 6, width, height)), 16, 0)
    assert prepared.preprocessing["canvas"] == canvas
    assert all_of(prepared.train).shape == (4, canvas, canvas, 3)


def test_canvas_and_channels_as_the_spec_says(tmp_path):
    source = photos(tmp_path)
    prepared = prepare(data(source, canvas=12, channels=1), 8, 0)
    assert all_of(prepared.train).shape[1:] == (12, 12, 1)
    assert len(prepared.preprocessing["mean"]) == 1
    with pytest.raises(CnnwizError, match=r"data\.canvas is 7, less than the image size 8"):
        prepare(data(source, canvas=7), 8, 0)


def test_statistics_are_those_of_the_training_canvases(tmp_path):
    prepared = prepare(data(photos(tmp_path)), 8, 0)
    values = all_of(prepared.train).astype(np.float64) / 255
    assert prepared.preprocessing["mean"] == np.round(values.mean((0, 1, 2)), 6).tolist()
    assert prepared.preprocessing["std"] == np.round(values.std((0, 1, 2)), 6).tolist()


def test_fixed_statistics(tmp_path):
    source = photos(tmp_path)
    none = prepare(data(source, normalize="none"), 8, 0).preprocessing
    assert (none["mean"], none["std"]) == ([0.0] * 3, [1.0] * 3)
    imagenet = prepare(data(source, normalize="imagenet"), 8, 0).preprocessing
    assert imagenet["mean"] == [0.485, 0.456, 0.406]
    assert imagenet["std"] == [0.229, 0.224, 0.225]
    with pytest.raises(CnnwizError, match="three channels"):
        prepare(data(source, normalize="imagenet", channels=1), 8, 0)


def test_a_constant_channel_is_not_divided_by_zero(tmp_path):
    black = np.zeros((4, 6, 6), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=black, y_train=[0, 1, 0, 1], x_test=black, y_test=[0, 1, 0, 1])
    prepared = prepare(data(Arrays(path=str(tmp_path / "a.npz")), fraction=0), 6, 0)
    assert prepared.preprocessing["std"] == [1.0]
    assert "same value" in prepared.notices[0]
    assert prepared.validation is None


def test_arrays_of_another_size_are_resized_as_files_would_be(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 10, 14, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x_train=images, y_train=[0, 1] * 4, x_test=images, y_test=[0, 1] * 4)
    prepared = prepare(data(Arrays(path=str(tmp_path / "a.npz")), fraction=0), 7, 0)
    Image.fromarray(images[3]).save(tmp_path / "a.png")
    assert np.array_equal(all_of(prepared.train)[3], decode(tmp_path / "a.png", 8, 3))


def test_arrays_of_the_right_size_are_not_copied():
    split = Digits().build().train
    assert read_pixels(split, 8, 1).held is split.pixels
    assert all_of(read_pixels(split, 8, 3)).shape == (len(split), 8, 8, 3)


def test_validation_is_stratified_and_moves_with_its_seed_only(tmp_path):
    source = photos(tmp_path)

    def keys(**changed):
        validation = prepare(data(source, **changed), 8, changed.pop("run", 0)).validation
        assert validation is not None
        return set(validation.split.keys)

    chosen = keys()
    assert sorted(key[0] for key in chosen) == ["a"] * 5 + ["b"] * 5
    assert chosen != keys(seed=1)
    prepared = prepare(data(source), 8, seed=99)
    assert prepared.validation is not None
    assert set(prepared.validation.split.keys) == chosen
    assert not chosen & set(prepared.train.split.keys)
    unset = [prepare(data(source, seed=None), 8, seed=run).validation for run in (0, 1)]
    assert [None if split is None else set(split.split.keys) for split in unset] == [chosen, keys(seed=1)]


def test_a_split_of_its_own_is_used_whole(tmp_path):
    for name, count in (("train", 40), ("val", 6), ("test", 4)):
        photos(tmp_path / name, count)
    prepared = prepare(data(Folder(path=str(tmp_path))), 8, 0)
    assert prepared.validation is not None
    assert prepared.test is not None
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (40, 6, 4)


def test_a_class_with_one_image_keeps_it_for_training(tmp_path):
    source = photos(tmp_path)
    (tmp_path / "c").mkdir()
    (tmp_path / "a/000.png").rename(tmp_path / "c/000.png")
    prepared = prepare(data(source), 8, 0)
    assert prepared.notices == ("1 classes have a single image: none of it is set aside for validation",)
    assert (prepared.train.labels == 2).sum() == 1


def test_damaged_files_are_all_found_before_training(tmp_path):
    source = photos(tmp_path)
    for number in range(0, 14, 2):
        (tmp_path / f"a/{number:03}.png").write_bytes(b"<html>")
    for workers, memory in ((0, None), (2, 0)):
        with pytest.raises(CnnwizError) as caught:
            prepare(data(source), 8, 0, workers, None, memory)
        message = str(caught.value)
        assert caught.value.code == 2
        assert message.startswith("7 of 40 images cannot be read, repair or remove them: ")
        assert message.endswith("; and 2 more")
        assert message.count("not an image of a known format") == 5
        assert message.isprintable()


@pytest.mark.parametrize("workers", [0, 1])
def test_files_that_change_after_the_start(tmp_path, workers):
    prepared = prepare(data(photos(tmp_path)), 8, 0, workers, memory=0)
    Path(prepared.train.split.files[0]).unlink()
    with pytest.raises(CnnwizError, match=r"changed since the start.*no such file"):
        list(prepared.train.batches([np.array([0])]))


def test_no_batches_are_no_batches(tmp_path):
    prepared = prepare(data(photos(tmp_path)), 8, 0, workers=1, memory=0)
    assert list(prepared.train.batches([])) == []


def test_fingerprint_sees_names_labels_sizes_and_pixels(tmp_path):
    source = photos(tmp_path)
    first = prepare(data(source), 8, 0).fingerprint
    assert first["images"] == {"train": {"a": 15, "b": 15}, "validation": {"a": 5, "b": 5}}
    assert json.loads(json.dumps(first)) == first
    assert prepare(data(source), 10, 0).fingerprint == first
    assert prepare(data(source, seed=1), 8, 0).fingerprint != first
    with (tmp_path / "a/000.png").open("ab") as file:
        file.write(b" ")
    assert prepare(data(source), 8, 0).fingerprint != first
    digits = Digits()
    records = digits.build()
    assert prepare(data(digits), 8, 0).fingerprint == prepare(data(digits), 8, 0).fingerprint
    assert records.train.pixels is not None


def test_preprocessing_goes_into_json(tmp_path):
    preprocessing = prepare(data(photos(tmp_path)), 8, 0).preprocessing
    assert json.loads(json.dumps(preprocessing, allow_nan=False)) == preprocessing
    assert set(preprocessing) == {"version", "channels", "canvas", "image_size", "mean", "std"}


def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def frozen(*_, **__):
    signal.pause()


@pytest.mark.parametrize("fault", [killed, frozen])
def test_a_worker_that_dies_or_hangs_is_an_error_of_its_own(tmp_path, monkeypatch, fault):
    monkeypatch.setattr(pixels_module, "decode", fault)
    monkeypatch.setattr(pixels_module, "TIMEOUT", 2)
    with pytest.raises(CnnwizError, match="died or hangs") as caught:
        prepare(data(photos(tmp_path)), 8, 0, workers=1)
    assert caught.value.code == 6
    assert str(caught.value).isprintable()


def test_workers_leave_signals_to_the_main_process(tmp_path, monkeypatch):
    def signalled(file, side, channels, whole):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        return decode(file, side, channels, whole=whole)

    monkeypatch.setattr(pixels_module, "decode", signalled)
    assert len(prepare(data(photos(tmp_path)), 8, 0, workers=2).train) == 30


def test_faces_stay_grey_and_pets_of_all_sizes_fit(tmp_path):
    faces = prepare(data(Folder(path=str(archive("orl_faces", tmp_path / "a") / "orl_faces")), 0.1, channels=1), 64, 0)
    assert all_of(faces.train).shape == (360, 73, 73, 1)
    assert 0.4 < faces.preprocessing["mean"][0] < 0.5
    pets = prepare(data(Folder(path=str(archive("catsdogs603", tmp_path / "b")))), 48, 0, workers=2)
    assert pets.test is not None
    assert all_of(pets.test).shape == (307, 55, 55, 3)
