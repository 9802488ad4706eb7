"""`cnnwiz new --from` and `--template`: specs as answers, answers as edits, everything else as it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from wizard import Script, given_texts, pictures

from cnnwiz.__main__ import run
from cnnwiz.cli.dialogue import Session
from cnnwiz.decisions import QUESTIONS, Answers, before, missing, question, reasons, spec_from, take
from cnnwiz.decisions.amend import amend
from cnnwiz.decisions.decompose import architecture_of, background_of
from cnnwiz.spec import load, parse_text
from cnnwiz.spec.write import write

TEMPLATES = sorted((Path(__file__).parents[1] / "templates").glob("*.yaml"))
MINE = """\
# my network, do not lose this line
cnnwiz: 1
name: mine
data:
  source: digits
  validation: {fraction: 0.2}   # because a tenth is few
  audit: {label_errors: 0.01}   # no question is on this

model:
  from: runs/first              # nor on this
  defaults:
    activation: {elu: {alpha: 0.5}}
  layers:
    - conv: {channels: 32, repeat: 2}   # wide
    - pool: {kernel: 2, stride: 2}
    - conv: {channels: 64, repeat: 2}
optimizer: {adamw: {lr: 0.002}}  # found by trial
training:
  epochs: 12
  seed: 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE)
    return tmp_path


def edited(*options: str) -> int:
    return run(["new", "--from", "mine.yaml", "--defaults", *options])


def about_mine(**texts: str) -> Answers:
    document = parse_text(MINE)
    assert document.spec
    given = {name.replace("__", "."): text for name, text in texts.items()}
    return given_texts(given, about=background_of(document.spec))


# Specs as answers


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_spec_answers_for_itself(path):
    """Nothing answered anew gives the spec that is edited, to the last key."""
    spec = load(path)
    about = background_of(spec)
    assert spec_from(Answers(about=about)) == spec


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"architecture.family": "dense", "architecture.depth": "3", "data.image_size": "32"},
        {"architecture.family": "inception", "architecture.width": "48", "architecture.dropout": "spatial_dropout"},
        {"architecture.family": "bottleneck", "architecture.stem": "strided", "data.image_size": "64"},
        {"architecture.family": "plain", "architecture.depth": "1", "architecture.stages": "1"},
        {"architecture.family": "highway", "model.defaults.order": "norm-act-conv"},
        {"architecture.family": "fire", "model.defaults.conv": "separable"},
        {"optimizer": "adam", "regularization": "l1,lp", "training.lookahead": "yes"},
        {"augment": "random_crop,mixup", "model.defaults.stochastic_depth.rate": "0.1", "architecture.family": "basic"},
    ],
    ids=str,
)
def test_what_the_questions_make_they_can_read(texts):
    """Every answer is found again, so that each of them can be changed."""
    spec = spec_from(given_texts(texts))
    about = background_of(spec)
    assert about.kept == frozenset()
    assert spec_from(Answers(about=about)) == spec
    for key, text in texts.items():
        assert question(key).show(about.values[key]) == text


def test_layers_of_ones_own_are_kept():
    spec = load(next(path for path in TEMPLATES if path.stem == "googlenet"))
    assert architecture_of(spec.model) is None
    assert {key for key in background_of(spec).kept if key.startswith("architecture.")} == {
        item.key for item in QUESTIONS if item.key.startswith("architecture.")
    }


# Answers as edits


def test_unchanged_is_the_same_file_to_the_byte(here):
    assert edited("-o", "copy.yaml") == 0
    assert (here / "copy.yaml").read_text() == MINE


def test_one_change_touches_one_line(here):
    assert edited("--set", "training.epochs=40", "-o", "new.yaml") == 0
    assert (here / "new.yaml").read_text() == MINE.replace("epochs: 12", "epochs: 40")


def test_keys_without_question_and_comments_survive(here, capsys):
    options = ["--set", "optimizer=sgd", "--set", "optimizer.sgd.lr=0.05", "--set", "training.batch_size=64"]
    assert edited(*options, "--set", "loss.cross_entropy.label_smoothing=0.2", "-o", "new.yaml") == 0
    text = (here / "new.yaml").read_text()
    for kept in (
        "# my network, do not lose this line",
        "# because a tenth is few",
        "label_errors: 0.01",
        "# nor on this",
    ):
        assert kept in text
    assert "    - conv: {channels: 32, repeat: 2}   # wide\n" in text
    spec = load("new.yaml")
    assert (spec.training.batch_size, spec.training.epochs, spec.training.seed) == (64, 12, 3)
    assert spec.optimizer.lr == 0.05  # type: ignore[attr-defined]
    assert spec.data.audit
    assert "found by trial" not in text  # that was about another optimizer; the new one has its own reason


def test_comments_that_go_or_may_not_fit_are_named(here, capsys):
    assert edited("--set", "data.validation.fraction=0.3", "--set", "architecture.width=16", "-o", "new.yaml") == 0
    said = capsys.readouterr().err
    assert "the comment behind data.validation.fraction may no longer fit" in said
    assert "Not kept: comments inside model.layers" in said
    assert load("new.yaml").data.validation.fraction == 0.3


def test_every_single_change_is_obeyed_and_nothing_else_changes():
    """Each question, answered otherwise: the text says exactly the spec that the answers make."""
    document, known = parse_text(MINE), before(about_mine())
    about = about_mine().about
    tried = [(item.key, text) for item in QUESTIONS for text in ("none", "no", "yes", "2", "0.3")]
    tried += [(item.key, str(option.value)) for item in QUESTIONS for option in item.choices(known)]
    changed = 0
    for key, text in random.Random(0).sample(tried, 250):
        answers, problems = take({key: text}, about)
        if problems or missing(answers):
            continue
        spec = spec_from(answers)
        amended = amend(document, spec, reasons(answers))
        assert parse_text(amended.text).spec == spec, (key, text)
        assert "do not lose this line" in amended.text
        assert not any("written anew" in note for note in amended.notes), (key, text)
        changed += amended.text != MINE
    assert changed > 20


def test_windows_line_ends_stay(here):
    (here / "mine.yaml").write_bytes(MINE.replace("\n", "\r\n").encode())
    assert edited("--set", "training.epochs=40", "--set", "training.batch_size=16", "-o", "new.yaml") == 0
    content = (here / "new.yaml").read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n")
    assert load("new.yaml").training.batch_size == 16


def test_the_file_itself_is_replaced_only_with_force_and_kept_aside(here, capsys):
    assert edited("--set", "training.epochs=40") == 2
    assert "mine.yaml exists" in capsys.readouterr().err
    assert edited("--set", "training.epochs=40", "--force") == 0
    assert (here / "mine.yaml.bak").read_text() == MINE
    assert load("mine.yaml").training.epochs == 40


def test_wrong_specs_and_both_beginnings_are_refused(here, capsys):
    (here / "bad.yaml").write_text("cnnwiz: 1\nmodle: {}\n")
    assert run(["new", "--from", "bad.yaml", "--defaults"]) == 2
    assert "bad.yaml:2:1" in capsys.readouterr().err
    assert run(["new", "--from", "nowhere.yaml", "--defaults"]) == 2
    assert run(["new", "--from", "mine.yaml", "--template", "digits", "--defaults"]) == 2
    assert run(["new", "--template", "resnet19", "--defaults"]) == 2
    assert "did you mean resnet" in capsys.readouterr().err


def test_questions_about_a_spec_begin_with_what_it_says():
    answers = about_mine()
    front = Script(*[None] * 40)
    session = Session(front, answers, "guided", "")
    session.document = parse_text(MINE)
    assert session.run()
    pages = {page.place.split(",")[0]: page for page in front.pages}
    assert pages["optimizer"].default == "adamw"
    assert pages["optimizer"].recommended == ("sgd",)
    assert pages["training.epochs"].default == "12"
    assert session.text() == MINE


def test_a_template_for_ones_own_images(here):
    pictures(here / "photos", {"a": 6, "b": 6, "c": 6}, side=(100, 90))
    options = ["--template", "photos", "--data", "photos", "--set", "training.epochs=3", "-o", "photos.yaml"]
    assert run(["new", "--defaults", *options]) == 0
    text, spec = (here / "photos.yaml").read_text(), load("photos.yaml")
    assert text.startswith("# Photos at 128 px")
    assert spec.data.source.path == "photos"  # type: ignore[attr-defined]
    assert spec.data.classes is None  # two, said the template; the folder has three
    assert spec.training.epochs == 3
    template = load(next(path for path in TEMPLATES if path.stem == "photos"))
    assert spec.model == template.model


def test_the_text_is_written_anew_where_it_cannot_be_amended():
    text = "{cnnwiz: 1, name: x, model: {layers: [{conv: {channels: 8}}]}}\n"
    document = parse_text(text)
    assert document.spec
    answers = given_texts({"training.epochs": "7", "name": "y"}, about=background_of(document.spec))
    amended = amend(document, spec_from(answers), {})
    assert parse_text(amended.text).spec == spec_from(answers)
    assert write(spec_from(answers)) != text
