"""Pascal VOC folders: boxes as annotated, splits, what is left out, files that lie or attack."""

from __future__ import annotations

import codecs
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cnnwiz.catalog.detection import PascalVoc
from cnnwiz.data.pixels import read_pixels
from cnnwiz.data.prepare import prepare
from cnnwiz.data.voc import read_annotation
from cnnwiz.errors import CnnwizError
from cnnwiz.spec.document import Data

COLOURS = {"blue": (40, 40, 220), "red": (220, 40, 40)}
BCCD = Path(__file__).parents[2] / "shared" / "data" / "bccd.tar.xz"


def annotation(objects, width: int = 96, height: int = 64) -> str:
    """The XML of an image; objects are (name, (xmin, ymin, xmax, ymax))."""
    sides = ("xmin", "ymin", "xmax", "ymax")
    written = "".join(
        f"<object><name>{name}</name><part><name>p</name></part><bndbox>"
        + "".join(f"<{side}>{number}</{side}>" for side, number in zip(sides, box, strict=True))
        + "</bndbox></object>"
        for name, box in objects
    )
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{size}{written}</annotation>"


def drawn(root: Path, counts: dict[str, int], seed: int = 0, size: tuple[int, int] = (96, 64)) -> Path:
    """A VOC folder of rectangles, 1 or 2 in an image, of two colours on noise; `counts` says how many images a split
    has."""
    generator = np.random.default_rng(seed)
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    width, height = size
    for split, count in counts.items():
        names = [f"{split}{number:03d}" for number in range(count)]
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
        for number, name in enumerate(names):
            pixels = generator.integers(100, 156, (height, width, 3)).astype(np.uint8)
            objects = []
            for place in range(1 + number % 2):  # the second in the right half, so that none hides another
                wide, high = generator.integers(width // 6, width // 3), generator.integers(height // 4, height // 2)
                left = generator.integers(0, width // 2 - wide) + place * width // 2
                top = generator.integers(0, height - high)
                colour = sorted(COLOURS)[generator.integers(2)]
                pixels[top : top + high, left : left + wide] = COLOURS[colour]
                objects.append((colour, (left + 1, top + 1, left + wide, top + high)))
            Image.fromarray(pixels).save(root / "JPEGImages" / f"{name}.jpg", quality=95)
            (root / "Annotations" / f"{name}.xml").write_text(annotation(objects, width, height))
    return root


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return drawn(tmp_path / "voc", {"train": 8, "val": 3, "test": 2})


def source(root: Path, **more) -> PascalVoc:
    return PascalVoc(path=str(root), **more)


def rewrite(root: Path, name: str, text: str | bytes) -> None:
    content = text if isinstance(text, bytes) else text.encode()
    (root / "Annotations" / f"{name}.xml").write_bytes(content)


def test_boxes_are_those_of_another_xml_reader(voc: Path) -> None:
    records = source(voc).build()
    assert records.classes == ("blue", "red")
    for split, count in ((records.train, 8), (records.validation, 3), (records.test, 2)):
        assert split is not None
        assert len(split) == count
        assert split.boxes is not None
        for key, file, rows in zip(split.keys, split.files, split.boxes, strict=True):
            assert file == str(voc / "JPEGImages" / f"{key}.jpg")
            tree = ElementTree.parse(voc / "Annotations" / f"{key}.xml")
            expected = []
            for item in tree.iter("object"):
                box = {side.tag: int(side.text or 0) for side in item.iterfind("bndbox/*")}
                shares = [(box["xmin"] - 1) / 96, (box["ymin"] - 1) / 64, box["xmax"] / 96, box["ymax"] / 64]
                expected.append([*shares, records.classes.index(item.findtext("name") or "")])
            assert rows[: len(expected)] == pytest.approx(np.array(expected), abs=1e-6)
            assert (rows[len(expected) :] == -1).all()


def test_a_box_holds_its_pixels_on_the_stretched_canvas(voc: Path) -> None:
    records = source(voc).build()
    pixels = read_pixels(records.train, 48, 3)
    assert records.train.boxes is not None
    for canvas, rows in zip(pixels.batch(np.arange(8)), records.train.boxes, strict=True):
        for left, top, right, bottom, label in rows[rows[:, 4] >= 0]:
            # Pixels of the canvas that lie in the box, away from its blurred rim; noise is grey outside.
            inside = canvas[int(top * 48) + 2 : int(bottom * 48) - 1, int(left * 48) + 2 : int(right * 48) - 1]
            assert inside.reshape(-1, 3).mean(0) == pytest.approx(np.array(COLOURS[records.classes[int(label)]]), abs=8)
    whole = Image.open(records.train.files[0]).resize((48, 48), Image.Resampling.BILINEAR)
    assert np.abs(pixels.batch(np.array([0]))[0].astype(int) - np.asarray(whole)).max() <= 2


def test_prepared_images_are_not_cropped(voc: Path) -> None:
    data = prepare(Data(source=source(voc)), 40, seed=0)
    assert data.preprocessing["canvas"] == data.preprocessing["image_size"] == 40
    assert data.preprocessing["fit"] == "stretch"
    assert data.train.targets.shape == (8, 2, 5)
    moved = data.fingerprint["sha256"]
    text = (voc / "Annotations" / "train000.xml").read_text()
    rewrite(voc, "train000", text.replace("<xmin>", "<xmin>0"))  # the same number
    assert prepare(Data(source=source(voc)), 40, seed=0).fingerprint["sha256"] == moved
    rewrite(voc, "train000", text.replace("</xmax>", "</xmax>").replace("<ymin>", "<ymin>0.5"))
    assert prepare(Data(source=source(voc)), 40, seed=0).fingerprint["sha256"] != moved


def test_boxes_without_area_are_left_out_and_others_are_cut_at_the_edge(voc: Path) -> None:
    objects = [("red", (10, 10, 10, 20)), ("red", (200, 1, 300, 9)), ("blue", (-5, 0, 48, 90)), ("blue", (9, 9, 5, 20))]
    rewrite(voc, "train000", annotation(objects))
    records = source(voc).build()
    assert records.notices == ("boxes without area are left out (3)",)
    assert records.train.boxes is not None
    assert records.train.boxes[0, 0].tolist() == [0, 0, 0.5, 1, 0]
    assert (records.train.boxes[0, 1:] == -1).all()


def test_an_image_without_objects_is_background(voc: Path) -> None:
    rewrite(voc, "train000", annotation([]))
    records = source(voc).build()
    assert records.train.boxes is not None
    assert (records.train.boxes[0] == -1).all()


def test_classes_as_named_keep_their_order_and_others_are_left_out(voc: Path) -> None:
    records = source(voc, classes=("red",)).build()
    assert records.classes == ("red",)
    assert any("'blue'" in notice for notice in records.notices)
    assert source(voc, classes=("red", "blue")).build().classes == ("red", "blue")


def test_classes_are_counted_without_reading_images(voc: Path) -> None:
    for file in (voc / "JPEGImages").iterdir():
        file.unlink()
    assert source(voc).facts() == (2, 3, None)
    assert source(voc, classes=("a", "b", "c")).facts().classes == 3
    assert source(voc / "nowhere").facts() == (None, 3, None)
    with pytest.raises(CnnwizError, match="JPEGImages has no image 'train000'"):
        source(voc).build()


def test_lists_may_be_trainval_or_of_one_class_or_missing(voc: Path) -> None:
    lists = voc / "ImageSets" / "Main"
    (lists / "train.txt").rename(lists / "trainval.txt")
    names = (lists / "trainval.txt").read_text().split()
    (lists / "trainval.txt").write_text("".join(f"{name} -1\n" for name in names[:4]) + "train004  1\r\n")
    assert source(voc).build().train.keys == (*names[:4], "train004")
    for file in lists.iterdir():
        file.unlink()
    records = source(voc).build()
    assert len(records.train) == 13
    assert records.validation is None


def test_labelled_images_join_training_with_their_class_only(voc: Path, tmp_path: Path) -> None:
    for name in ("red", "green"):
        (tmp_path / "labelled" / name).mkdir(parents=True)
        Image.new("RGB", (20, 30), name).save(tmp_path / "labelled" / name / "one.png")
    records = source(voc, labelled=str(tmp_path / "labelled"), repeat=3).build()
    assert records.classes == ("blue", "red", "green")
    assert source(voc, labelled=str(tmp_path / "labelled")).facts().classes == 3
    assert records.train.boxes is not None
    assert len(records.train) == 3 * 8 + 2
    assert (records.train.boxes[:8] == records.train.boxes[8:16]).all()
    assert records.train.keys[-2:] == ("green/one.png", "red/one.png")
    assert records.train.boxes[-2:, 0].tolist() == [[-1, -1, -1, -1, 2], [-1, -1, -1, -1, 1]]
    assert records.validation is not None
    assert len(records.validation) == 3
    (voc / "ImageSets" / "Main" / "val.txt").unlink()
    with pytest.raises(CnnwizError, match=r"write val\.txt"):
        source(voc, repeat=2).build()


ENTITY = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;">]>'
ATTACKS = {
    "entities": ENTITY + annotation([]).replace("96", "&c;"),
    "external entity": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + annotation([("&b;", (1, 1, 9, 9))]),
    "document type in UTF-16": codecs.BOM_UTF16_LE + (ENTITY + annotation([])).encode("utf-16-le"),
    "document type by file": '<!DOCTYPE a SYSTEM "file:///etc/passwd">' + annotation([]),
    "undeclared entity": annotation([("&b;", (1, 1, 9, 9))]),
    "too large": annotation([]) + " " * 1_000_001,
    "too deep": "<a>" * 10_000 + "</a>" * 10_000,
    "too many objects": annotation([("a", (1, 1, 9, 9))] * 1_001),
    "no XML": b"\xff\xd8\xff\xe0 a JPEG",
    "empty": b"",
    "cut off": annotation([("red", (1, 1, 9, 9))])[:-20],
    "no size": "<annotation></annotation>",
    "size 0": annotation([], 0, 0),
    "size not a number": annotation([]).replace("96", "wide"),
    "size nan": annotation([]).replace("96", "nan"),
    "box not a number": annotation([("red", ("left", 1, 9, 9))]),
    "box nan": annotation([("red", ("nan", 1, 9, 9))]),
    "box without end": annotation([("red", (1, 1, "inf", 9))]),
    "side missing": annotation([("red", (1, 1, 9, 9))]).replace("ymax", "ymux"),
    "name missing": annotation([("red", (1, 1, 9, 9))]).replace("<name>red</name>", ""),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_bad_annotation_stops_with_one_line(attack: str, voc: Path) -> None:
    rewrite(voc, "val001", ATTACKS[attack])
    with pytest.raises(CnnwizError, match=r"val001\.xml'") as caught:
        source(voc).build()
    assert len(str(caught.value).splitlines()) == 1
    assert "root:" not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200) | st.text(alphabet="<>/&;ax!DOCTYPE\"'[] ", max_size=200).map(str.encode))
def test_any_bytes_are_an_annotation_or_one_line(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any.xml"
    file.write_bytes(content)
    with pytest.raises(CnnwizError, match=r"any\.xml"):
        read_annotation(file)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", ".hidden", "a/b"])
def test_lists_lead_nowhere_else(name: str, voc: Path) -> None:
    (voc / "ImageSets" / "Main" / "val.txt").write_text(f"{name}\n")
    with pytest.raises(CnnwizError, match="no name of an image"):
        source(voc).build()


def test_a_class_without_training_boxes_stops(voc: Path) -> None:
    rewrite(voc, "test001", annotation([("green", (1, 1, 9, 9))]))
    with pytest.raises(CnnwizError, match="test holds 'green', which training has no box of"):
        source(voc).build()
    with pytest.raises(CnnwizError, match="no training image in class 'yellow'"):
        source(voc, classes=("red", "blue", "yellow")).build()


@pytest.mark.skipif(not BCCD.is_file(), reason="needs ../shared/data/bccd.tar.xz")
def test_blood_cells(tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(BCCD) as archive:
        archive.extractall(tmp_path, filter="data")
    records = source(tmp_path / "BCCD").build()
    assert records.classes == ("Platelets", "RBC", "WBC")
    assert records.notices == ("boxes without area are left out (2)",)
    splits = (records.train, records.validation, records.test)
    assert [len(split) for split in splits if split] == [205, 87, 72]
    assert sum((split.boxes[..., 4] >= 0).sum() for split in splits if split and split.boxes is not None) == 4_886
