"""Decoded images kept on disk: the same canvases, found again, rebuilt when stale or damaged, bounded in size."""

from __future__ import annotations

import json
import os
import resource
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from test_data_prepare import all_of, data, photos

from cnnwiz.catalog.augmentation import AlternatingFlip, RandomCrop
from cnnwiz.catalog.source import Folder
from cnnwiz.data import pixels as pixels_module
from cnnwiz.data.cache import Cache
from cnnwiz.data.decode import decode
from cnnwiz.data.loader import eval_batches, train_batches
from cnnwiz.data.prepare import Prepared, prepare
from cnnwiz.data.resident import on_device
from cnnwiz.errors import CnnwizError


def prepared(source: Folder, cache: Cache | None, seed: int = 0, **more) -> Prepared:
    return prepare(data(source, seed=seed), 8, 0, cache=cache, **more)


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The files that were decoded, in turn."""
    seen: list[str] = []

    def watched(file: Path, *arguments, **options) -> np.ndarray:
        seen.append(str(file))
        return decode(file, *arguments, **options)

    monkeypatch.setattr(pixels_module, "decode", watched)
    return seen


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_cached_canvases_are_the_decoded_ones(tmp_path, workers):
    source = photos(tmp_path / "photos")
    plain = prepared(source, None)
    cache = Cache(tmp_path / "cache")
    for _ in range(2):
        found = prepared(source, cache, workers=workers)
        assert found.notices == ()
        assert (found.preprocessing, found.fingerprint) == (plain.preprocessing, plain.fingerprint)
        assert found.validation is not None
        assert plain.validation is not None
        assert np.array_equal(all_of(found.train), all_of(plain.train))
        assert np.array_equal(all_of(found.validation), all_of(plain.validation))
        assert found.train.held is not None
        assert not found.train.held.flags.writeable
    kept = np.load(next((tmp_path / "cache").glob("*.npy")), allow_pickle=False)
    assert kept.shape == (40, 9, 9, 3)


def test_every_split_seed_finds_the_same_file_and_decodes_nothing(tmp_path, decoded):
    source, cache = photos(tmp_path / "photos"), Cache(tmp_path / "cache")
    prepared(source, cache)
    assert len(decoded) == 40
    for seed in (0, 1, 2):
        found = prepared(source, cache, seed)
        assert np.array_equal(all_of(found.train)[3], decode(found.train.split.files[3], 9, 3))
    assert len(decoded) == 40


def test_a_folder_that_moved_is_the_same_set(tmp_path, decoded):
    cache = Cache(tmp_path / "cache")
    prepared(photos(tmp_path / "photos"), cache)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    prepared(Folder(path=str(tmp_path / "elsewhere")), cache)
    assert len(decoded) == 40


def test_a_changed_file_of_the_same_size_is_decoded_again(tmp_path, decoded):
    source, cache = photos(tmp_path / "photos"), Cache(tmp_path / "cache")
    prepared(source, cache)
    file = tmp_path / "photos/a/000.png"
    other = (tmp_path / "photos/a/002.png").read_bytes()
    size = file.stat().st_size
    file.write_bytes(other + bytes(max(size - len(other), 0)))
    os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 1_000_000))
    found = prepared(source, cache)
    assert len(decoded) == 80
    files = [*found.train.split.files, *(found.validation.split.files if found.validation else ())]
    canvases = np.concatenate([all_of(found.train), all_of(found.validation)])
    assert np.array_equal(canvases[files.index(str(file))], decode(file, 9, 3))


def damages(folder: Path):
    """Ways to spoil a cache of one set."""
    array, about = next(folder.glob("*.npy")), next(folder.glob("*.json"))
    content = bytearray(array.read_bytes())
    content[-5] ^= 1
    yield lambda: array.write_bytes(content)
    yield lambda: os.truncate(array, 500)
    yield lambda: about.write_text("{")
    yield lambda: about.write_text("[1]")
    yield lambda: about.write_bytes(b"\xff\xfe")
    yield lambda: about.write_text(json.dumps({"sha256": "0" * 64}))
    yield lambda: array.write_bytes(b"")


@pytest.mark.parametrize("number", range(7))
def test_a_damaged_cache_is_noticed_and_rebuilt(tmp_path, decoded, number):
    source, cache = photos(tmp_path / "photos"), Cache(tmp_path / "cache")
    expected = all_of(prepared(source, cache).train).copy()
    list(damages(cache.folder))[number]()
    found = prepared(source, cache)
    assert "is damaged: its images are decoded again" in found.notices[0]
    assert np.array_equal(all_of(found.train), expected)
    assert len(decoded) == 80
    assert prepared(source, cache).notices == ()
    assert len(decoded) == 80


@pytest.mark.parametrize("lost", ["*.json", "*.npy"])
def test_half_a_cache_is_none(tmp_path, decoded, lost):
    source, cache = photos(tmp_path / "photos"), Cache(tmp_path / "cache")
    prepared(source, cache)
    next(cache.folder.glob(lost)).unlink()
    assert prepared(source, cache).notices == ()
    assert len(decoded) == 80


def test_what_may_not_be_kept_is_said_and_training_goes_on(tmp_path):
    source = photos(tmp_path / "photos")
    found = prepared(source, Cache(tmp_path / "cache", limit=40 * 9 * 9 * 3 - 1))
    assert "decoded images are not kept: they take 0.0 GB" in found.notices[0]
    assert "--cache DIR" in found.notices[0]
    assert np.array_equal(all_of(found.train), all_of(prepared(source, None).train))
    assert not list((tmp_path / "cache").glob("*.npy"))


def test_half_of_the_free_space_is_the_most(tmp_path, monkeypatch):
    source = photos(tmp_path / "photos")
    free = 2 * 40 * 9 * 9 * 3
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(free * 9, free * 8, free - 1))
    assert "at most half" in prepared(source, Cache(tmp_path / "cache")).notices[0]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(free * 9, free * 8, free))
    assert prepared(source, Cache(tmp_path / "cache")).notices == ()


def test_a_disk_that_refuses_ends_nothing(tmp_path):
    source = photos(tmp_path / "photos")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        found = prepared(source, Cache(tmp_path / "cache"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot keep decoded images: file too large" in found.notices[0]
    assert np.array_equal(all_of(found.train), all_of(prepared(source, None).train))
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [".lock"]


def test_the_set_used_longest_ago_makes_room(tmp_path):
    size = 40 * 9 * 9 * 3 + 128  # canvases and the head of the file
    cache = Cache(tmp_path / "cache", limit=2 * size + 10)
    sources = [photos(tmp_path / name) for name in ("first", "second", "third")]
    for number, source in enumerate(sources):
        for file in sorted(Path(source.path).rglob("*.png")):
            os.utime(file, ns=(0, number * 10**9))
    for number, source in enumerate(sources[:2]):
        prepared(source, cache)
        newest = max(cache.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, ns=(0, (number + 1) * 10**9))
    assert len(list(cache.folder.glob("*.npy"))) == 2
    second = max(cache.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    prepared(sources[2], cache)
    assert len(list(cache.folder.glob("*.npy"))) == 2
    assert second.exists()


def test_two_at_once_decode_once(tmp_path, decoded):
    source, cache = photos(tmp_path / "photos"), Cache(tmp_path / "cache")
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(all_of(prepared(source, cache).train))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decoded) == 40
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_damaged_images_are_listed_and_nothing_is_kept(tmp_path):
    source, cache = photos(tmp_path / "photos"), Cache(tmp_path / "cache")
    (tmp_path / "photos/a/000.png").write_bytes(b"<html>")
    with pytest.raises(CnnwizError, match="1 of 40 images cannot be read"):
        prepared(source, cache)
    assert sorted(path.name for path in cache.folder.iterdir()) == [".lock"]


def test_a_cache_that_is_not_for_everything_takes_what_memory_does_not_hold(tmp_path):
    source, cache = photos(tmp_path / "photos"), Cache(tmp_path / "cache", always=False)
    prepared(source, cache)
    assert not cache.folder.exists()
    found = prepared(source, cache, memory=1000)
    assert found.train.rows is not None
    cache.remove()
    assert not cache.folder.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CnnwizError, match=r"--cache .*file.cache: cannot be written") as caught:
        prepared(photos(tmp_path / "photos"), Cache(tmp_path / "file" / "cache"))
    assert caught.value.code == 2


AUGMENT = (AlternatingFlip(), RandomCrop(padding=2, fill="reflect"))


def test_batches_are_the_same_held_cached_and_on_the_device(tmp_path):
    source = photos(tmp_path / "photos")
    held, cached = prepared(source, None), prepared(source, Cache(tmp_path / "cache"))

    def batches(of: Prepared):
        yield from train_batches(of.train, AUGMENT, 8, of.preprocessing, 7, 3, 1)
        yield from eval_batches(of.train, of.preprocessing, 16)

    placed = Prepared(**{**vars(cached), "train": on_device(cached.train, "cpu")})
    assert placed.train.resident is not None
    assert placed.train.resident.shape == (30, 9, 9, 3)
    for one, other, third in zip(batches(held), batches(cached), batches(placed), strict=True):
        for a, b, c in zip(one, other, third, strict=True):
            assert torch.equal(a, b)
            assert torch.equal(a, c)
