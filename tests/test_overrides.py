"""`--set KEY=VALUE`: other values for one run, against the file edited by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cnnwiz.__main__ import run
from cnnwiz.cli.overrides import overridden
from cnnwiz.errors import CnnwizError
from cnnwiz.spec import load, open_document, parse_text
from cnnwiz.spec.finding import show_path
from cnnwiz.spec.write import scalar

TEMPLATES = sorted((Path(__file__).parents[1] / "templates").glob("*.yaml"))
TEXT = """\
# my network
cnnwiz: 1
data: {source: digits, image_size: 8}
model:
  defaults: {activation: elu}  # no norm
  layers:
    - conv: {channels: 8, repeat: 2}
optimizer: {sgd: {lr: 0.1}}
training: {batch_size: 64, epochs: 5}  # short
"""
BY_HAND = {
    "training.epochs=1": ("epochs: 5", "epochs: 1"),
    "optimizer.sgd.lr=1e-3": ("lr: 0.1", "lr: 0.001"),
    "optimizer=adamw": ("optimizer: {sgd: {lr: 0.1}}", "optimizer: adamw"),
    "optimizer={adamw: {lr: 0.01}}": ("{sgd: {lr: 0.1}}", "{adamw: {lr: 0.01}}"),
    "model.defaults.activation.elu.alpha=0.5": ("elu", "{elu: {alpha: 0.5}}"),
    "model.defaults.norm=none": ("{activation: elu}", "{activation: elu, norm: none}"),
    "model.layers[0].conv.channels=4": ("channels: 8", "channels: 4"),
    "loss.cross_entropy.label_smoothing=0.1": (
        "optimizer",
        "loss: {cross_entropy: {label_smoothing: 0.1}}\noptimizer",
    ),
}
WRONG = {
    "training.epoch=3": "has no key 'epoch'; did you mean 'epochs'?",
    "training.epochs=abc": "the text 'abc' is not allowed; it takes a whole number",
    "training.epochs=": "the value is missing",
    "training.epochs": "write KEY=VALUE",
    "=3": "write KEY=VALUE",
    "schedule=[1": "did not find expected",
    "schedule=!!python/name:os.system x": "tag",
    "model.layers[7].conv.channels=3": "a list of 1 has no 7",
    "model.layers.conv=3": "a list of 1 has no conv",
    "optimizer.adamw.lr=0.1": "optimizer takes one name",
    "training.micro_batch=3.5": "not allowed",
}


@pytest.mark.parametrize(("setting", "edit"), BY_HAND.items(), ids=list(BY_HAND))
def test_it_is_the_file_edited_by_hand(setting: str, edit: tuple[str, str]) -> None:
    assert edit[0] in TEXT
    found = overridden(parse_text(TEXT), [setting])
    assert found.spec is not None
    assert found.spec == parse_text(TEXT.replace(*edit, 1)).spec
    assert found.text.startswith("# my network\n")
    assert "# short\n" in found.text


@pytest.mark.parametrize(("setting", "message"), WRONG.items(), ids=list(WRONG))
def test_what_is_wrong_is_said_beside_the_setting(setting: str, message: str) -> None:
    with pytest.raises(CnnwizError) as error:
        overridden(parse_text(TEXT), ["training.batch_size=32", setting])
    assert str(error.value).startswith(f"--set {setting}: ")
    assert message in str(error.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(CnnwizError) as error:
        overridden(parse_text(TEXT), ["training.epoch=3", "schedule=lineer", "name=fine"])
    first, second = str(error.value).splitlines()
    assert first.startswith("--set training.epoch=3: ")
    assert second.startswith("--set schedule=lineer: ")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Path and value of every scalar below."""
    if isinstance(value, (dict, tuple)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_the_value_that_is_there_changes_nothing(template: Path) -> None:
    document = open_document(template)
    assert document.root
    settings = [f"{show_path(path)}={scalar(value)}" for path, value in leaves(document.root.data())]
    assert overridden(document, settings).text == document.text


def test_train_takes_them_and_keeps_what_was_trained(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(TEXT)
    assert run(["train", "net.yaml", "--set", "training.epochs=1", "--set", "name=short", "--workers", "0"]) == 0
    assert len(Path("runs/short-1/metrics.jsonl").read_text().splitlines()) == 1
    assert json.loads(Path("runs/short-1/run.json").read_text())["status"] == "finished"
    by_hand = parse_text(f"{TEXT.replace('epochs: 5', 'epochs: 1')}name: short\n")
    assert load("runs/short-1/written.yaml") == by_hand.spec
    assert Path("net.yaml").read_text() == TEXT
    assert run(["train", "net.yaml", "--set", "training.epoch=1"]) == 2
    assert "--set training.epoch=1: " in capsys.readouterr().err
    assert run(["train", "--resume", "runs/short-1", "--set", "training.epochs=2"]) == 2
    assert "--set and --seed change a spec" in capsys.readouterr().err


def test_quiet_training_says_its_result_and_nothing_else(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(TEXT.replace("epochs: 5", "epochs: 1"))  # few steps, which lint warns of
    assert run(["train", "net.yaml", "--workers", "0"]) == 0
    assert "lint    1 warning (CNN329)" in capsys.readouterr().err
    assert run(["train", "net.yaml", "--workers", "0", "--quiet"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "test accuracy" in said.out
