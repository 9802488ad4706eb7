"""Sources: folders in all their oddities, arrays, digits, and torchvision's sets from files made here."""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnwiz.catalog.source import (
    SOURCES,
    Arrays,
    Cifar10,
    Cifar100,
    Digits,
    Facts,
    FashionMnist,
    Flowers102,
    Folder,
    Imagenette,
    Mnist,
    Source,
)
from cnnwiz.data.disjoint import require_trained
from cnnwiz.data.layout import SPLITS
from cnnwiz.errors import CnnwizError

SHARED = Path(__file__).parents[2] / "shared/data"


def archive(name: str, folder: Path) -> Path:
    """A shared image set unpacked into `folder`."""
    path = SHARED / f"{name}.tar.xz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with tarfile.open(path) as files:
        files.extractall(folder, filter="data")
    return folder


def fill(root: Path, *names: str) -> Path:
    """A folder with a small image under each of these names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(root / name, "PNG")
    return root


def folder(root: Path, **fields) -> Folder:
    return Folder(path=str(root), **fields)


def keys(root: Path, **fields) -> dict[str, tuple[str, ...] | None]:
    records = folder(root, **fields).build()
    splits = {"train": records.train, "validation": records.validation, "test": records.test}
    return {name: None if split is None else split.keys for name, split in splits.items()}


def test_without_split_folders_everything_is_for_training(tmp_path):
    records = folder(fill(tmp_path, "b/2.png", "b/1.jpg", "a/1.png", "10/1.png", "9/1.png")).build()
    assert records.classes == ("10", "9", "a", "b")
    assert records.train.keys == ("10/1.png", "9/1.png", "a/1.png", "b/1.jpg", "b/2.png")
    assert records.train.labels.tolist() == [0, 1, 2, 3, 3]
    assert records.train.labels.dtype == np.int64
    assert records.train.files[4] == str(tmp_path / "b/2.png")
    assert (records.validation, records.test, records.notices) == (None, None, ())


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("upper", [False, True])
def test_split_folders_are_known_by_all_their_names(tmp_path, split, upper):
    for number, (train, other) in enumerate((t, o) for t in SPLITS["train"] for o in SPLITS[split]):
        names = [word.upper() if upper else word for word in (train, other)]
        root = fill(tmp_path / str(number), *(f"{part}/{c}/1.png" for part in names for c in "ab"))
        assert keys(root)["train"] == ("a/1.png", "b/1.png")
        assert keys(root)[split] == ("a/1.png", "b/1.png")
        assert folder(root).facts() == Facts(2, 3, None)


def test_fields_override_names(tmp_path):
    root = fill(
        tmp_path, "train/a/1.png", "train/b/1.png", "mine/a/2.png", "mine/b/2.png", "val/a/3.png", "val/b/3.png"
    )
    assert keys(root, train="mine", test="train") == {
        "train": ("a/2.png", "b/2.png"),
        "validation": ("a/3.png", "b/3.png"),
        "test": ("a/1.png", "b/1.png"),
    }
    with pytest.raises(CnnwizError, match=r"no such folder.*nowhere"):
        folder(root, validation="nowhere").build()


def test_two_folders_for_one_split_and_splits_without_training(tmp_path):
    root = fill(tmp_path, "train/a/1.png", "train/b/1.png", "training/a/1.png")
    with pytest.raises(CnnwizError, match=r"'train' and 'training'.*data\.source\.folder\.train"):
        folder(root).build()
    with pytest.raises(CnnwizError, match=r"no folder train.*data\.source\.folder\.train"):
        folder(fill(tmp_path / "x", "val/a/1.png", "other/a/1.png")).build()


def test_folders_beside_the_splits_are_named(tmp_path):
    root = fill(tmp_path, "train/a/1.png", "train/b/1.png", "extra/c/1.png")
    assert folder(root).build().notices == ("folders beside the splits are not used: 'extra'",)


def test_classes_come_from_training_and_never_shift(tmp_path):
    root = fill(tmp_path, "train/cat/1.png", "train/dog/1.png", "train/fox/1.png", "val/cat/1.png", "val/fox/1.png")
    records = folder(root).build()
    assert records.validation is not None
    assert records.validation.labels.tolist() == [0, 2]
    assert records.notices == ("no validation image of class 'dog'",)


def test_a_class_only_in_validation_is_an_error(tmp_path):
    root = fill(tmp_path, "train/a/1.png", "train/b/1.png", "val/a/1.png", "val/wolf/1.png")
    with pytest.raises(CnnwizError, match=r"'wolf'.*validation.*none in train"):
        require_trained(folder(root).build())


def test_chosen_classes_and_their_order(tmp_path):
    root = fill(tmp_path, "train/a/1.png", "train/b/1.png", "train/c/1.png", "val/c/1.png", "val/b/2.png")
    records = folder(root, classes=("c", "a")).build()
    assert records.classes == ("c", "a")
    assert records.train.keys == ("c/1.png", "a/1.png")
    assert records.validation is not None
    assert records.validation.keys == ("c/1.png",)
    assert "classes not in data.source.folder.classes are not used: 'b'" in records.notices
    assert folder(root, classes=("c", "a")).facts().classes == 2
    with pytest.raises(CnnwizError, match="no folder for class 'x'"):
        folder(root, classes=("a", "x")).build()


def test_too_few_classes_or_images(tmp_path):
    with pytest.raises(CnnwizError, match="1 class"):
        folder(fill(tmp_path / "one", "a/1.png")).build()
    with pytest.raises(CnnwizError, match="holds no folders"):
        folder(fill(tmp_path / "flat", "1.png")).build()
    (fill(tmp_path / "empty", "a/1.png") / "b").mkdir()
    with pytest.raises(CnnwizError, match=r"no image in '.*b'"):
        folder(tmp_path / "empty").build()
    (fill(tmp_path / "texts", "a/1.png", "b/1.xyz")).touch()
    with pytest.raises(CnnwizError, match=r"no image in '.*b' \(skipped: not an image by extension\)"):
        folder(tmp_path / "texts").build()
    with pytest.raises(CnnwizError, match="no such folder"):
        folder(tmp_path / "none").build()
    with pytest.raises(CnnwizError, match="cannot list"):
        folder(tmp_path / "one/a/1.png").build()


def test_what_is_passed_over_is_counted(tmp_path):
    root = fill(
        tmp_path,
        *("a/1.png", "a/2.JPEG", "b/1.png", ".ipynb_checkpoints/x.png", "__MACOSX/a/1.png", "loose.png"),
        *("a/._1.png", "a/.DS_Store", "a/Thumbs.db", "a/notes.txt", "a/deeper/1.png", "a/jpg", "a/x.jpg/inside.png"),
    )
    os.mkfifo(root / "b/pipe.jpg")
    (root / "b/loop").symlink_to(root, target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "b/broken.png").symlink_to(root / "nowhere.png")
    (root / "b/outside.png").symlink_to("/etc/hostname")
    (root / "b/inside.png").symlink_to(root / "a/1.png")
    records = folder(root).build()
    assert records.train.keys == ("a/1.png", "a/2.JPEG", "b/1.png", "b/inside.png")
    assert records.notices == (
        "train: not used: 1 files outside the class folders, 2 folders inside a class, 5 hidden, "
        "2 links that are broken or lead outside, 1 links to folders, 3 not an image by extension, 1 not regular files",
    )


def test_names_equal_after_unicode_normalization(tmp_path):
    composed, decomposed = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    root = fill(tmp_path / "1", f"train/{composed}/1.png", "train/a/1.png", f"val/{decomposed}/1.png")
    assert folder(root).build().classes == ("a", composed)
    assert keys(root)["validation"] == (f"{composed}/1.png",)
    fill(root, f"train/{decomposed}/1.png")
    with pytest.raises(CnnwizError, match="rename one"):
        folder(root).build()
    assert folder(root).facts() == Facts(None, 3, None)


def test_hostile_names_arrive_and_are_escaped_in_messages(tmp_path):
    odd = os.fsdecode(b"a\xff\n\x1b[red]")
    records = folder(fill(tmp_path, f"{odd}/1\n.png", "b/1.png", f"b/{odd}.png")).build()
    assert records.classes == (odd, "b")
    assert records.train.keys[0] == f"{odd}/1\n.png"
    (tmp_path / odd / "1\n.png").unlink()
    with pytest.raises(CnnwizError) as caught:
        folder(tmp_path).build()
    assert str(caught.value).isprintable()


def test_linked_data_folder_is_followed(tmp_path):
    fill(tmp_path / "real", "a/1.png", "b/1.png")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert len(folder(tmp_path / "link").build().train) == 2


def arrays(path: Path, **changed) -> Path:
    """An .npz file with 6 training and 3 test images of 3 classes."""
    generator = np.random.default_rng(0)
    content = {
        "x_train": generator.integers(0, 256, (6, 5, 5, 3), dtype=np.uint8),
        "y_train": np.array([0, 1, 2, 0, 1, 2], np.uint8),
        "x_test": generator.integers(0, 256, (3, 5, 5, 3), dtype=np.uint8),
        "y_test": np.array([0, 1, 2], np.int32),
    } | changed
    np.savez(path, **{name: value for name, value in content.items() if value is not None})
    return path


def test_arrays(tmp_path):
    source = Arrays(path=str(arrays(tmp_path / "a.npz")))
    records = source.build()
    assert source.facts() == Facts(3, 3, 5)
    assert records.classes == ("0", "1", "2")
    assert records.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert records.train.pixels is not None
    assert records.train.pixels.shape == (6, 5, 5, 3)
    assert records.test is not None
    assert records.test.keys == ("0", "1", "2")
    assert records.validation is None


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_facts_of_arrays_need_not_load_them(tmp_path, kind):
    labels = np.array([0, 1, 2, 0, 1, 2]).astype(f"<{kind}")
    grey = np.zeros((6, 5, 7), np.uint8)
    path = arrays(tmp_path / "a.npz", x_train=grey, x_test=grey[:3], y_train=labels)
    assert Arrays(path=str(path)).facts() == Facts(3, 1, None)
    assert Arrays(path=str(path)).build().classes == ("0", "1", "2")


BAD_ARRAYS = {
    "missing": ({"y_test": None}, "has no array y_test"),
    "float images": ({"x_train": np.zeros((6, 5, 5))}, "x_train is float64.*must be uint8"),
    "two channels": ({"x_test": np.zeros((3, 5, 5, 2), np.uint8)}, r"x_test is uint8 of shape \(3, 5, 5, 2\)"),
    "no images": ({"x_train": np.zeros((0, 5, 5), np.uint8)}, "x_train"),
    "float labels": ({"y_train": np.zeros(6)}, "y_train is float64"),
    "label missing": ({"y_train": np.arange(5)}, "it must be 6 integers"),
    "label too large": ({"y_test": np.array([0, 7, 1])}, r"y_test\[1\] is 7, outside 0 to 2"),
    "negative label": ({"y_train": np.array([0, 1, 2, -100, 1, 2])}, r"y_train\[3\] is -100"),
    "class without image": ({"y_train": np.array([0, 3, 2, 0, 3, 2])}, "no training image in class '1'"),
    "one class": ({"y_train": np.zeros(6, int), "y_test": np.zeros(3, int)}, "1 class"),
    "channels differ": ({"x_test": np.zeros((3, 5, 5), np.uint8)}, "differ in their number of channels"),
    "objects": ({"y_train": np.array([None] * 6)}, "not a readable .npz file of plain arrays"),
}


@pytest.mark.parametrize(("changed", "reason"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_wrong_arrays(tmp_path, changed, reason):
    source = Arrays(path=str(arrays(tmp_path / "a.npz", **changed)))
    source.facts()
    with pytest.raises(CnnwizError, match=reason):
        source.build()


def test_what_is_no_npz_file(tmp_path):
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "evil.npz").write_bytes(pickle.dumps(Digits))
    (tmp_path / "cut.npz").write_bytes(arrays(tmp_path / "a.npz").read_bytes()[:400])
    for name in ("single.npy", "text.npz", "evil.npz", "cut.npz", "missing.npz", "."):
        source = Arrays(path=str(tmp_path / name))
        assert source.facts() == Facts(None, 3, None)
        with pytest.raises(CnnwizError):
            source.build()


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    records = Digits().build()
    assert records.test is not None
    assert records.train.pixels is not None
    scans, labels = load_digits(return_X_y=True)
    places = [int(key) for key in records.train.keys]
    assert sorted(places + [int(key) for key in records.test.keys]) == list(range(1797))
    assert np.array_equal(records.train.labels, labels[places])
    scaled = scans[places].reshape(-1, 8, 8, 1) / 16 * 255
    assert np.abs(records.train.pixels - scaled).max() <= 0.5
    shares = np.bincount(records.test.labels) / np.bincount(labels)
    assert np.abs(shares - 0.2).max() < 0.01
    assert Digits().facts() == Facts(10, 1, 8)


def test_mnist_and_fashion_mnist(tmp_path):
    for source in (Mnist(path=str(tmp_path)), FashionMnist(path=str(tmp_path))):
        raw = tmp_path / source.name / "raw"
        raw.mkdir(parents=True)
        for prefix, count in (("train", 20), ("t10k", 10)):
            images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
            head = struct.pack(">IIII", 0x803, count, 28, 28)
            (raw / f"{prefix}-images-idx3-ubyte").write_bytes(head + images.tobytes())
            labels = bytes(number % 10 for number in range(count))
            (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels)
        records = source.build()
        assert source.facts() == Facts(len(records.classes), 1, 28)
        assert records.train.labels.tolist() == list(range(10)) * 2
        assert records.test is not None
        assert records.test.pixels is not None
        assert np.array_equal(records.test.pixels[..., 0], images)


@pytest.mark.parametrize(("kind", "label_key"), [(Cifar10, "labels"), (Cifar100, "fine_labels")])
def test_cifar(tmp_path, monkeypatch, kind, label_key):
    import torchvision.datasets

    held = getattr(torchvision.datasets, kind.name)
    classes = kind.known.classes
    base = tmp_path / held.base_folder
    base.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (classes, 3, 32, 32), dtype=np.uint8)
    batch = pickle.dumps({"data": pixels.reshape(classes, -1), label_key: list(range(classes))})
    meta = pickle.dumps({held.meta["key"]: [f"class {number}" for number in range(classes)]})
    (base / "batch").write_bytes(batch)
    (base / held.meta["filename"]).write_bytes(meta)
    for split in ("train_list", "test_list"):
        monkeypatch.setattr(held, split, [["batch", hashlib.md5(batch).hexdigest()]])
    monkeypatch.setattr(held, "meta", held.meta | {"md5": hashlib.md5(meta).hexdigest()})
    records = kind(path=str(tmp_path)).build()
    assert records.classes[1] == "class 1"
    assert records.train.labels.tolist() == list(range(classes))
    assert records.train.pixels is not None
    assert np.array_equal(records.train.pixels, pixels.transpose(0, 2, 3, 1))
    (base / "batch").write_bytes(batch + b" ")  # other bytes are never unpickled
    with pytest.raises(CnnwizError, match="download to true"):
        kind(path=str(tmp_path)).build()


def test_imagenette(tmp_path):
    names = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079"]
    names += ["n03394916", "n03417042", "n03425413", "n03445777", "n03888257"]
    fill(
        tmp_path / "imagenette2-160", *(f"{split}/{name}/{split}.JPEG" for split in ("train", "val") for name in names)
    )
    records = Imagenette(path=str(tmp_path)).build()
    assert records.classes[:2] == ("tench", "English springer")
    assert records.train.keys[0] == "n01440764/train.JPEG"
    assert records.validation is not None
    assert records.validation.labels.tolist() == list(range(10))
    assert records.test is None
    with pytest.raises(CnnwizError, match=r"imagenette is not in.*data\.source\.imagenette\.download"):
        Imagenette(path=str(tmp_path), size="320px").build()


def test_flowers102(tmp_path, monkeypatch):
    import torchvision.datasets
    from scipy.io import savemat

    base = tmp_path / "flowers-102"
    fill(base, "jpg/image_00001.jpg")
    savemat(base / "imagelabels.mat", {"labels": np.arange(306) % 102 + 1})
    ids = np.arange(1, 307)
    savemat(base / "setid.mat", {"trnid": ids[:102], "valid": ids[102:204], "tstid": ids[204:]})
    files = {"image": ("", ""), "label": ("imagelabels.mat", ""), "setid": ("setid.mat", "")}
    sums = {k: (name, hashlib.md5((base / name).read_bytes()).hexdigest()) for k, (name, _) in files.items() if name}
    monkeypatch.setattr(torchvision.datasets.Flowers102, "_file_dict", files | sums)
    records = Flowers102(path=str(tmp_path)).build()
    assert len(records.classes) == 102
    assert records.train.keys[0] == "jpg/image_00001.jpg"
    assert records.validation is not None
    assert records.test is not None
    assert [split.labels.tolist() for split in (records.validation, records.test)] == [list(range(102))] * 2


@pytest.mark.parametrize("kind", [Cifar10, Cifar100, Mnist, FashionMnist, Imagenette, Flowers102])
def test_missing_sets_say_what_to_do(tmp_path, kind):
    with pytest.raises(
        CnnwizError, match=rf"{kind.key} is not in.*data\.source\.{kind.key}\.download to true"
    ) as caught:
        kind(path=str(tmp_path)).build()
    assert str(caught.value).isprintable()
    assert not list(tmp_path.iterdir())


def test_facts_never_raise_and_need_no_heavy_library(tmp_path):
    root = fill(tmp_path / "images", "a/1.png", "b/1.png")
    npz = arrays(tmp_path / "a.npz")
    code = f"""
import sys
from cnnwiz.catalog.source import *
print([tuple(s.facts()) for s in (
    Digits(), Folder(path={str(root)!r}), Folder(path="/none"), Folder(path="a\\0b"), Folder(path={str(npz)!r}),
    Arrays(path={str(npz)!r}), Arrays(path="/none"), Arrays(path="a\\0b"), Arrays(path={str(root)!r}),
    Cifar10(path="x"))])
assert not {{"numpy", "torch", "torchvision", "PIL", "sklearn"}} & set(sys.modules)
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert process.stderr == ""
    told = [(10, 1, 8), (2, 3, None), *[(None, 3, None)] * 3, (3, 3, 5), *[(None, 3, None)] * 3, (10, 3, 32)]
    assert process.stdout.strip() == str(told)


def test_each_source_has_its_own_word():
    assert len({source.key for source in SOURCES}) == len(SOURCES)
    assert all(issubclass(source, Source) for source in SOURCES)


def test_faces_and_pets_from_real_archives(tmp_path):
    faces = folder(archive("orl_faces", tmp_path / "faces") / "orl_faces").build()
    assert len(faces.classes) == 40
    assert np.bincount(faces.train.labels).tolist() == [10] * 40
    pets = folder(archive("catsdogs603", tmp_path / "pets")).build()
    assert pets.classes == ("cats", "dogs")
    assert pets.test is not None
    assert (len(pets.train), len(pets.test)) == (296, 307)


def test_rotated_digits_from_a_real_file():
    path = SHARED / "mnist_rot.npz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    source = Arrays(path=str(path))
    assert source.facts() == Facts(10, 1, 28)
    assert len(source.build().train) == 12_000
