"""`cnnwiz predict`: which files, what is said of them, in which form; bad files, hostile names, constant memory."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_run import NAMES, train_small

from cnnwiz.__main__ import run as cnnwiz
from cnnwiz.data.stream import decoded_groups
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import evaluate, open_trained
from cnnwiz.prediction import find_files, predict


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return train_small(tmp_path_factory.mktemp("predict"))


def test_folder(small: Path) -> Path:
    return small.parent / "digits" / "test"


test_folder.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]


def said(capsys, *arguments: object) -> tuple[int, str, str]:
    code = cnnwiz(["predict", *map(str, arguments), "--device", "cpu", "--workers", "0"])
    out, err = capsys.readouterr()
    return code, out, err


def test_every_image_gets_what_eval_gives_it(small):
    """The same images in the same order: the same bits."""
    outputs = evaluate(small, device="cpu").outputs
    trained = open_trained(small, device="cpu")
    found = list(predict(trained, outputs.files, top=10))
    assert [prediction.file for prediction in found] == [str(file) for file in outputs.files]
    assert [prediction.top[0][0] for prediction in found] == [outputs.classes[k] for k in outputs.predicted]
    for prediction, shares in zip(found, outputs.probabilities, strict=True):
        assert dict(prediction.top) == {name: share.item() for name, share in zip(outputs.classes, shares, strict=True)}
        assert [share for _, share in prediction.top] == sorted(dict(prediction.top).values(), reverse=True)


@pytest.mark.parametrize("workers", [0, 2, 5])  # 5: more than there are cores, where torch would warn
def test_processes_do_not_change_the_answers(small, workers):
    trained = open_trained(small, device="cpu")
    files = sorted(test_folder(small).rglob("*.png")) * 5  # more than one group
    here, there = ([p.top for p in predict(trained, files, workers=count)] for count in (0, workers))
    assert len(here) == 600
    assert here == there


def test_formats_say_the_same(small, capsys):
    folder = test_folder(small)
    code, table, _ = said(capsys, small, folder, "--top", 2)
    assert code == 0
    code, lines, _ = said(capsys, small, folder, "--top", 2, "--format", "json")
    assert code == 0
    code, cells, _ = said(capsys, small, folder, "--top", 2, "--output-format", "csv")
    assert code == 0
    objects = [json.loads(line) for line in lines.splitlines()]
    rows = list(csv.DictReader(io.StringIO(cells)))
    assert list(rows[0]) == ["file", "class", "probability", "class_2", "probability_2"]
    assert len(objects) == len(rows) == len(table.splitlines()) - 1 == 120
    for one, row, line in zip(objects, rows, table.splitlines()[1:], strict=True):
        first, second = one["top"]
        assert (one["class"], one["probability"]) == (first["class"], first["probability"])
        assert (row["file"], row["class"], row["class_2"]) == (one["file"], first["class"], second["class"])
        assert float(row["probability"]) == pytest.approx(first["probability"], abs=1e-6)
        assert line.split() == [
            first["class"],
            f"{first['probability']:.4f}",
            second["class"],
            f"{second['probability']:.4f}",
            one["file"],
        ]


def test_classes_and_preprocessing_are_those_of_the_run(small, tmp_path, capsys):
    """A folder whose name and size say otherwise: the image is of another class's folder and blown up to 40 px."""
    from PIL import Image

    image = next((test_folder(small) / "four").iterdir())
    (tmp_path / "nine").mkdir()
    with Image.open(image) as opened:
        opened.resize((40, 40), Image.Resampling.NEAREST).save(tmp_path / "nine" / "a.png")
    _, lines, _ = said(capsys, small, tmp_path, "--format", "json", "--top", 10)
    assert {entry["class"] for entry in json.loads(lines)["top"]} == set(NAMES)


def test_bad_files_are_told_and_skipped(small, tmp_path, capsys):
    good = next((test_folder(small) / "two").iterdir())
    bad, pipe = tmp_path / "bad.png", tmp_path / "pipe.png"
    bad.write_bytes(good.read_bytes()[:60])
    os.mkfifo(pipe)
    given = [good, bad, pipe, good]
    for form, answers in (("json", 4), ("csv", 3), ("table", 3)):
        code, out, err = said(capsys, small, *given, "--format", form)
        assert code == 1
        assert err.count("skipped") == 2
        assert "2 of 4 files could not be read" in err
        assert "not a regular file" in err
        assert len(out.splitlines()) == answers
    errors = [json.loads(line) for line in said(capsys, small, *given, "--format", "json")[1].splitlines()]
    assert ["error" in line for line in errors] == [False, True, True, False]


def test_standard_input_names_files(small, capsys, monkeypatch):
    names = [str(file) for file in (test_folder(small) / "six").iterdir()]
    stdin = SimpleNamespace(buffer=io.BytesIO(("\r\n".join(names) + "\n\n").encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    _, out, _ = said(capsys, small, "-", "--format", "json")
    assert [json.loads(line)["file"] for line in out.splitlines()] == names


@pytest.mark.parametrize(
    ("paths", "words"),
    [(["nowhere.png"], "no such file"), (["no*where"], "nothing matches"), (["EMPTY"], "no image found")],
)
def test_names_that_stand_for_nothing(small, tmp_path, capsys, paths, words):
    given = [tmp_path if path == "EMPTY" else path for path in paths]
    code, out, err = said(capsys, small, *given)
    assert (code, out) == (2, "")
    assert words in err


def test_files_are_found(tmp_path, monkeypatch):
    for name in (
        "b/2.PNG",
        "b/1.jpg",
        "b/deep/3.webp",
        "b/.hidden.png",
        ".git/4.png",
        "b/note.txt",
        "a.jpg",
        "odd.xyz",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)

    def found(*names: str, lines: tuple[bytes, ...] = ()) -> list[str]:
        return [file.as_posix() for file in find_files(names, lines)]

    assert found(".") == ["a.jpg", "b/1.jpg", "b/2.PNG", "b/deep/3.webp"]
    assert found("odd.xyz", "b/note.txt") == ["odd.xyz", "b/note.txt"]
    assert found("b/*.jpg", "**/*.webp") == ["b/1.jpg", "b/deep/3.webp"]
    assert found(str(tmp_path / "a*")) == [str(tmp_path / "a.jpg")]
    assert found("a.jpg", "-", "a.jpg", lines=(b"b/1.jpg\n", b"\n", b"b/deep\n")) == [
        "a.jpg",
        "b/1.jpg",
        "b/deep/3.webp",
        "a.jpg",
    ]
    Path("[x].jpg").touch()
    assert found("[x].jpg") == ["[x].jpg"]
    with pytest.raises(CnnwizError, match="no such file"):
        find_files(["a.jpg", "gone.jpg"])


@pytest.mark.parametrize("workers", [0, 2])
def test_names_are_asked_for_as_they_are_needed(small, workers):
    """A stream of names without end: only some groups are read ahead."""
    file, asked = next((test_folder(small) / "two").iterdir()), itertools.count()
    endless = (file for _ in iter(lambda: next(asked), -1))
    groups = decoded_groups(endless, 10, 10, 1, False, workers)
    for _ in range(20):
        group = next(groups)
        assert group.canvases.shape == (10, 10, 10, 1)
    assert next(asked) <= 10 * (20 + 1 + 2 * workers) + 1
    groups.close()


def test_hostile_names_do_nothing(small, tmp_path, capsys):
    good = next((test_folder(small) / "two").iterdir())
    names = [
        "=1+2.png",
        "@x.png",
        "\x1b[31mred.png",
        "a\nb.png",
        'q"uo,te.png',
        "\u202egnp.png",
        os.fsdecode(b"\xff.png"),
    ]
    for name in names:
        shutil.copy(good, tmp_path / name)
    for form in ("table", "csv", "json"):
        code, out, _ = said(capsys, small, tmp_path, "--format", form)
        assert code == 0
        assert len(out.splitlines()) == len(names) + (form != "json")
        assert not any(ord(sign) < 32 and sign != "\n" for sign in out)
        assert "\u202e" not in out
        if form == "csv":
            rows = list(csv.reader(io.StringIO(out)))
            assert {len(row) for row in rows} == {3}
    _, out, _ = said(capsys, small, tmp_path, "--format", "json")
    assert {json.loads(line)["file"] for line in out.splitlines()} == {str(tmp_path / name) for name in names}
    (tmp_path / "here").mkdir()
    shutil.copy(good, tmp_path / "here" / "=1+2.png")
    before = Path.cwd()
    os.chdir(tmp_path / "here")
    try:
        _, out, _ = said(capsys, small, "=1+2.png", "--format", "csv")
    finally:
        os.chdir(before)
    assert out.splitlines()[1].startswith("'=1+2.png,")


def test_embeddings_are_given_as_numbers(tmp_path, capsys):
    head = ("repeat: 2}", "repeat: 2}\n  head: {embedding: {features: 5}}")
    run = train_small(tmp_path, head, ("optimizer:", "task: embed\noptimizer:"), ("epochs: 4", "epochs: 1"))
    outputs = evaluate(run, device="cpu").outputs
    code, out, _ = said(capsys, run, *outputs.files, "--format", "json")
    assert code == 0
    rows = [json.loads(line)["embedding"] for line in out.splitlines()]
    np.testing.assert_array_equal(np.array(rows, np.float32), outputs.scores.numpy())
    code, out, _ = said(capsys, run, *outputs.files, "--format", "csv")
    assert out.splitlines()[0] == "file,e0,e1,e2,e3,e4"
    code, _, err = said(capsys, run, *outputs.files)
    assert code == 2
    assert "take --format json" in err
