"""The report as a file: its numbers against the run's own, what it escapes, and runs that lack something."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pages import trained
from PIL import Image
from strategies import specs, unhurried
from test_data_voc import drawn

from cnnwiz.__main__ import run as command
from cnnwiz.data.arrays import read_digits
from cnnwiz.report import report
from cnnwiz.report.chart import thinned, x_axis, y_axis
from cnnwiz.spec import parse_text
from cnnwiz.spec.remarks import remarks
from cnnwiz.spec.write import write


class Page(HTMLParser):
    """What a browser's parser finds: elements, texts, tables by caption."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("table", "caption", "td", "th", "style"):
            self._open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in ("table", "caption", "td", "th", "style"):
            self._open.pop()
        if tag == "table":
            self.tables.setdefault(self._caption, self._rows)

    def handle_data(self, data):
        self.text += "" if "style" in self._open else data
        if self._open and self._open[-1] in ("td", "th"):
            self._rows[-1][-1] += data
        elif self._open and self._open[-1] == "caption":
            self._caption += data


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def html(run) -> str:
    return report([run])


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_numbers_are_those_that_training_measured(page, run):
    record = json.loads((run / "run.json").read_text())
    shown = re.search(r"Test accuracy([\d.]+)\s%", page.text)
    assert shown
    assert float(shown[1]) == pytest.approx(100 * record["metrics"]["test_accuracy"], abs=0.051)
    rows = page.tables["Number of test images"][1:]
    matrix = np.array([[int(cell) for cell in row[1:]] for row in rows])
    truth = read_digits().test
    assert truth is not None
    assert matrix.sum(1).tolist() == np.bincount(truth.labels).tolist()
    assert np.trace(matrix) / matrix.sum() == pytest.approx(record["metrics"]["test_accuracy"])
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    table = page.tables["small, metrics.jsonl"]
    place = table[0].index("val_loss")
    assert [float(row[place]) for row in table[1:]] == pytest.approx([line["val_loss"] for line in lines], rel=1e-3)


def test_reasons_are_those_of_the_spec_and_the_catalogue(page):
    assert 'Why here: few & small: "two" <b>convolutions</b>' in page.text  # as written, not as markup
    assert "CNN301" in page.text
    assert "to see a finding" in page.text
    assert "ducha-aiki/caffenet-benchmark" in page.text
    record = re.search(r"[0-9a-f]{64}", page.text)
    assert record


def test_the_file_loads_and_runs_nothing(page, html):
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base", "audio", "video"}
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("style", "srcset", "action") for name in attributes), tag
        target = attributes.get("src") or attributes.get("href") or "data:"
        assert target.startswith(("data:", "#")), (tag, target)
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    style = html[html.index("<style>") + 7 : html.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy is not None
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "url(" not in style
    assert "@import" not in style


def test_the_command_reproduces_the_run(page, run, tmp_path):
    spec = next(part for part in re.findall(r"cnnwiz: 1\nname: small.*?(?=\n[A-Z])", page.text, re.DOTALL))
    (tmp_path / "small.yaml").write_text(spec)
    assert "cnnwiz train small.yaml" in page.text
    again = tmp_path / "again"
    assert command(["train", str(tmp_path / "small.yaml"), "--run-dir", str(again), "--quiet"]) == 0
    assert (again / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()


HOSTILE = [
    "<script>alert(1)<",
    '"><img src=x onerror=alert(1)>',
    "a|b `c` [d](javascript:alert(1))",
    "\u202eevil\x1b[31m",
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """A run whose classes and files have names that try to be markup, and so does its spec's comment."""
    folder = tmp_path_factory.mktemp("hostile")
    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in HOSTILE:
            (folder / "data" / split / name).mkdir(parents=True)
            for number in range(4):
                pixels = generator.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(
                    folder / "data" / split / name / f"<img src=x onerror=alert({number})>.png"
                )
    text = f"""
cnnwiz: 1
name: hostile
data: {{source: {{folder: {{path: {json.dumps(str(folder / "data"))}}}}}, image_size: 8}}
model: {{layers: [conv: {{channels: 4}}]}}  # </code></style><script>alert(2)</script> <!-- ![x](http://x/y.png)
training: {{epochs: 1, batch_size: 8, precision: float32}}
"""
    return trained(folder / "<b>run", text)


def test_hostile_names_stay_text(hostile):
    page = Page(report([hostile]))
    assert not {tag for tag, _ in page.elements} & {"script", "b>run"}
    assert all((a.get("src") or "data:").startswith("data:") for _, a in page.elements)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "<script>alert(1)<" in page.text
    assert "</code></style><script>alert(2)</script>" in page.text
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text


def test_hostile_names_stay_text_in_markdown(hostile):
    """As a renderer of Markdown understands it, with tables and raw HTML allowed."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(report([hostile], "markdown"))
    inner = [token for block in tokens for token in (block.children or [])]
    assert [token.content for token in inner if token.type == "html_inline"] == []
    assert [token.content for token in tokens if token.type == "html_block"] == [tokens[0].content]  # cnnwiz's own
    assert not {token.type for token in inner} & {"image", "link_open"}
    for name in HOSTILE[:3]:
        assert any(" ".join(name.split()) in token.content for token in inner if token.type in ("text", "code_inline"))


def test_a_run_without_its_data_is_shown_without_them(run, tmp_path):
    folder = tmp_path / "data"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (8, 8), 20 * number).save(folder / name / f"{number}.png")
    spec = f"""
cnnwiz: 1
name: moved
data: {{source: {{folder: {{path: {json.dumps(str(folder))}}}}}, image_size: 8, channels: 1}}
model: {{layers: [conv: {{channels: 4}}]}}
training: {{epochs: 1, batch_size: 8, precision: float32}}
"""
    moved = trained(tmp_path / "run", spec)
    assert "Validation accuracy" in Page(report([moved])).text
    shutil.rmtree(folder)
    shown = Page(report([moved]))
    assert "was not measured for this page" in shown.text
    assert "Confusion" not in shown.text
    assert "Decisions" in shown.text


def test_a_run_that_is_not_finished_says_so(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    record = json.loads((copy / "run.json").read_text()) | {"status": "running", "metrics": {}, "best": {}}
    (copy / "run.json").write_text(json.dumps(record))
    for name in ("best", "last"):
        (copy / f"{name}.safetensors").unlink()
    with (copy / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "lr": 0.1, "val_lo')  # torn by a kill
    shown = Page(report([copy])).text
    assert "this run is not finished (status: running)" in shown
    assert "Training" in shown
    (copy / "metrics.jsonl").unlink()
    (copy / "run.json").unlink()
    assert "status: not begun" in Page(report([copy])).text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", "{"),
        ("run.json", "[]"),
        ("run.json", '{"classes": "abc"}'),
        ("run.json", '{"seconds": NaN}'),
        ("metrics.jsonl", "{}\n[1]\n{}\n"),
        ("metrics.jsonl", "nonsense\n{}\n"),
    ],
)
def test_damaged_files_are_named(run, tmp_path, capsys, name, content):
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / name).write_text(content)
    assert command(["report", str(copy)]) == 4
    assert name in capsys.readouterr().err


def test_odd_numbers_do_not_reach_the_charts(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    odd = ['{"epoch": 1, "val_loss": NaN, "lr": 0.1}', '{"epoch": 2, "val_loss": 1e999, "lr": "high"}']
    odd += ['{"epoch": 3, "val_loss": true, "lr": 0.1}', f'{{"epoch": 4, "val_loss": 1{"0" * 400}}}', '{"epoch": null}']
    (copy / "metrics.jsonl").write_text("\n".join([*odd, '{"epoch": 5, "val_loss": 0.5, "lr": 0.1}']) + "\n")
    page = Page(report([copy]))
    drawn = [str(value) for tag, attributes in page.elements if tag != "img" for value in attributes.values()]
    assert not any(re.search(r"\b(nan|inf)\b", text, re.IGNORECASE) for text in [*drawn, page.text])
    assert "Loss. validation: 0.5 in epoch 5." in drawn


def test_targets_are_not_lost(run, tmp_path, capsys):
    target = tmp_path / "notes.html"
    target.write_text("my notes")
    assert command(["report", str(run), "-o", str(target)]) == 2
    assert "is no report" in capsys.readouterr().err
    assert target.read_text() == "my notes"
    assert command(["report", str(run), "-o", str(target), "--force"]) == 0
    assert command(["report", str(run), "-o", str(target), "--format", "markdown"]) == 0  # a report may be replaced
    assert target.read_text().startswith("<!-- cnnwiz")
    link = tmp_path / "link.html"
    link.symlink_to(tmp_path / "elsewhere.html")
    assert command(["report", str(run), "-o", str(link)]) == 2
    assert not (tmp_path / "elsewhere.html").exists()
    assert command(["report", str(run), "-o", str(tmp_path / "no" / "such.html")]) == 2
    assert command(["report", str(run), str(run)]) == 2
    assert command(["report", str(tmp_path)]) == 2
    capsys.readouterr()
    assert command(["report", str(run), "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")


def test_verification_has_a_report_too(tmp_path):
    spec = """
cnnwiz: 1
name: likeness
task: embed
data: {source: digits, split: classes, validation: {fraction: 0.3}}
model: {layers: [conv: {channels: 4}], head: {embedding: {features: 8}}}
loss: triplet
training: {epochs: 1, batch_size: 32, sampler: {pk: {classes: 4, images: 8}}, precision: float32}
"""
    shown = Page(report([trained(tmp_path / "run", spec)])).text
    assert "ROC AUC of pairs" in shown
    assert "Confusion" not in shown
    assert "Places by likeness" in shown


def test_detection_has_a_report_too(tmp_path):
    root = drawn(tmp_path / "voc", {"train": 48, "val": 8, "test": 8}, size=(48, 48))
    spec = f"""
cnnwiz: 1
name: rectangles
task: detect
data: {{source: {{pascal_voc: {{path: {json.dumps(str(root))}}}}}, image_size: 48}}
model:
  layers: [conv: {{channels: 8, stride: 2}}, conv: {{channels: 16, stride: 2}}, conv: {{channels: 16, stride: 2}}]
  head: {{detection: {{channels: 8}}}}
loss: fcos
optimizer: {{adamw: {{lr: 0.01}}}}
training: {{batch_size: 16, epochs: 4, precision: float32}}
"""
    run = trained(tmp_path / "run", spec)
    page = Page(report([run]))
    metrics = json.loads((run / "run.json").read_text())["metrics"]
    shown = re.search(r"The same at IoU 0\.5([\d.]+)\s%", page.text)
    assert shown
    assert float(shown[1]) == pytest.approx(100 * metrics["test_map50"], abs=0.06)
    assert "Finds objects of 2 classes" in page.text
    assert "AP at 0.5" in page.text
    assert "Confusion" not in page.text


@unhurried
@given(specs(), st.data())
def test_remarks_are_read_as_they_are_written(spec, data):
    """`remarks` is the inverse of `write`, which puts a remark behind the line of its place."""
    places = [(key,) for key in ("data", "model", "training", "optimizer", "schedule")]
    places += [("model", "layers", index) for index in range(len(spec.model.layers))]
    said = st.text("abc # '\":", min_size=1).map(lambda text: " ".join(text.split())).filter(bool)
    wanted = data.draw(st.dictionaries(st.sampled_from(places), said, max_size=4))
    found = remarks(parse_text(write(spec, wanted)))
    assert {path: text for path, text in found.items() if path in wanted} == wanted
    assert set(found) <= set(wanted)


def test_remarks_above_and_in_texts():
    text = """
# a heading
cnnwiz: 1
# two lines
# about data
data:
  source: {folder: {path: "a # b"}}  # really "a # b"

# left alone

model:
  layers:
    - conv: {channels: 8}  # first
    # below
    - conv: {channels: 'x # y'}
schedule: step  # cnnwiz: ignore[CNN301] studied
"""
    assert remarks(parse_text(text)) == {
        ("cnnwiz",): "a heading",
        ("data",): "two lines about data",
        ("data", "source"): 'really "a # b"',
        ("model", "layers", 0): "first",
        ("model", "layers", 1): "below",
    }


finite = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(finite, finite)
@example(909091.0, 909091.0)
@example(0.0, 4e-5)
@example(200001.0, -6.103515625e-05)
def test_axes_hold_their_values_and_have_round_ticks(one, other):
    low, high = sorted((one, other))
    assume(low == high or high - low > 1e-6 * max(abs(low), abs(high)))
    axis = y_axis(low, high)
    unseen = 1e-6 * (axis.high - axis.low)  # less than a thousandth of a pixel
    assert axis.low <= low + unseen
    assert high <= axis.high + unseen
    assert 2 <= len(axis.ticks) <= 7
    assert len({axis.label(tick) for tick in axis.ticks}) == len(axis.ticks)
    steps = np.diff(axis.ticks)
    assert np.allclose(steps, steps[0])
    assert re.fullmatch(r"[125](\.0+)?e[-+]\d+", f"{steps[0]:.3e}")


@given(st.integers(1, 100_000), st.integers(0, 100_000))
def test_epochs_have_whole_ticks(first, more):
    axis = x_axis(first, first + more)
    assert 1 <= len(axis.ticks) <= 7
    assert all(tick == int(tick) and first - 0.5 <= tick <= first + more + 0.5 for tick in axis.ticks)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=2000))
def test_thinning_keeps_ends_and_peaks(values):
    points = [(float(place), value) for place, value in enumerate(values)]
    kept = thinned(points, 50)
    assert len(kept) <= 60
    assert set(kept) <= set(points)
    assert kept == sorted(kept)
    assert {points[0], points[-1]} <= set(kept)
    assert {min(values), max(values)} <= {value for _, value in kept}


def test_the_spec_of_a_run_is_kept_as_it_was_written(run):
    written = (run / "written.yaml").read_text()
    assert "# few & small" in written
    assert yaml.safe_load(written)["name"] == "small"
