"""`cnnwiz new` without a terminal: answers from options and files, refusals that name all, whole files or none."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wizard import pictures

from cnnwiz.__main__ import run
from cnnwiz.cli.save import save
from cnnwiz.errors import CnnwizError
from cnnwiz.spec import load, parse_text

CNNWIZ = [sys.executable, "-m", "cnnwiz"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_defaults_write_a_spec_named_after_the_data(here, capsys):
    assert run(["new", "--defaults"]) == 0
    assert files(here) == ["digits.yaml"]
    assert load("digits.yaml").name == "digits"
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "cnnwiz lint digits.yaml" in shown.err
    assert "cnnwiz train digits.yaml" in shown.err


def test_command_line_wins_over_answers_file_wins_over_recommendation(here):
    (here / "answers.yaml").write_text("training.epochs: 7\ntraining.batch_size: 32\naugment: [random_crop]\n")
    options = ["--answers", "answers.yaml", "--set", "training.epochs=9", "-o", "a.yaml"]
    assert run(["new", "--defaults", *options]) == 0
    spec = load("a.yaml")
    assert (spec.training.epochs, spec.training.batch_size) == (9, 32)
    assert [augmentation.key for augmentation in spec.augment] == ["random_crop"]


def test_only_yaml_on_stdout(here):
    done = subprocess.run([*CNNWIZ, "new", "--defaults", "-o", "-"], capture_output=True, text=True, check=True)
    document = parse_text(done.stdout)
    assert document.findings == ()
    assert document.spec is not None
    assert files(here) == []
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("answers", [b"", b"garbage\x00\n"])
def test_no_terminal_and_answers_missing(here, answers):
    start = time.monotonic()
    done = subprocess.run([*CNNWIZ, "new"], input=answers, capture_output=True, check=False)
    assert time.monotonic() - start < 30
    assert done.returncode == 2
    text = done.stderr.decode()
    assert "--set data.source=digits" in text
    assert "--set optimizer=" in text
    assert done.stdout == b""
    assert files(here) == []


def test_the_options_it_names_are_those_it_takes(here, capsys):
    assert run(["new", "--level", "all", "--no-input"]) == 2
    named = re.findall(r"--set (\S+)", capsys.readouterr().err.split("Give them")[0])
    assert len(named) > 30
    assert run(["new", "--level", "all", "-o", "a.yaml", *(f"--set={pair}" for pair in named)]) == 0
    assert run(["new", "--defaults", "-o", "b.yaml"]) == 0
    assert (here / "a.yaml").read_bytes() == (here / "b.yaml").read_bytes()


def test_defaults_still_need_what_nobody_can_guess(here, capsys):
    assert run(["new", "--defaults", "--set", "data.source=folder"]) == 2
    lines = capsys.readouterr().err
    assert "--set data.path=PATH" in lines
    assert "--set data.classes=N" in lines
    assert files(here) == []


def test_everything_wrong_is_said_at_once(here, capsys):
    (here / "answers.yaml").write_text("training.epochs: 3O\nlayers: {conv: 1}\n")
    options = ["--set", "optimiser=sgd", "--set", "loss", "--set", "training.batch_size=0", "--answers", "answers.yaml"]
    assert run(["new", "--defaults", *options]) == 2
    text = capsys.readouterr().err
    for said in (
        "unknown key 'optimiser'; did you mean 'optimizer'?",
        "--set 'loss' has no '='",
        "training.batch_size: 0 is not allowed",
        "training.epochs: '3O' is not a number",
        "answers.yaml:2:9: layers takes a word, a number or a list of these",
    ):
        assert said in text
    assert files(here) == ["answers.yaml"]


def test_answers_file_that_is_no_yaml(here, capsys):
    (here / "answers.yaml").write_text("a: [1\n")
    assert run(["new", "--defaults", "--answers", "answers.yaml"]) == 2
    assert "answers.yaml:2:1" in capsys.readouterr().err
    assert run(["new", "--defaults", "--answers", "nowhere.yaml"]) == 2


def test_answers_from_stdin(here):
    pipe = b"training.epochs: 3\n"
    done = subprocess.run([*CNNWIZ, "new", "--defaults", "--answers", "-"], input=pipe, capture_output=True, check=True)
    assert load("digits.yaml").training.epochs == 3, done.stderr


def test_existing_files_are_left_alone(here, capsys):
    (here / "digits.yaml").write_text("mine")
    assert run(["new", "--defaults"]) == 2
    assert "digits.yaml exists" in capsys.readouterr().err
    assert (here / "digits.yaml").read_text() == "mine"
    assert run(["new", "--defaults", "--force"]) == 0
    assert load("digits.yaml").name == "digits"
    assert (here / "digits.yaml.bak").read_text() == "mine"
    assert files(here) == ["digits.yaml", "digits.yaml.bak"]


def test_targets_that_cannot_be_written(here, capsys):
    assert run(["new", "--defaults", "-o", "no/such/folder.yaml"]) == 2
    (here / "folder.yaml").mkdir()
    assert run(["new", "--defaults", "--force", "-o", "folder.yaml"]) == 4
    assert "cannot be written" in capsys.readouterr().err
    assert files(here) == ["folder.yaml"]


def test_a_write_that_fails_leaves_the_old_file(here, monkeypatch):
    (here / "a.yaml").write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CnnwizError, match="No space left") as error:
        save("new", here / "a.yaml", force=True)
    assert error.value.code == 4
    assert (here / "a.yaml").read_text() == "old"
    assert files(here) == ["a.yaml"]


def test_answers_that_make_no_network(here, capsys):
    answers = ["--set", "architecture.width=7", "--set", "model.defaults.norm=group", "--set"]
    answers.append("model.defaults.norm.group.groups=4")
    assert run(["new", "--defaults", *answers]) == 2
    assert "no network can be made" in capsys.readouterr().err
    assert files(here) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_set_option_is_obeyed_or_refused(here, capsys, key, value):
    status = run(["new", "--defaults", "-o", "-", f"--set={key}={value}"])
    shown = capsys.readouterr()
    assert status == 2
    assert "Traceback" not in shown.err
    assert "a bug in cnnwiz" not in shown.err
    assert shown.out == ""


def test_help_is_short(capsys):
    assert run(["new", "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) < 40


def test_paths_with_blanks_survive_the_command_that_repeats_them(here):
    pictures(here / "my data", {"cat": 2, "dog": 2})
    options = shlex.split("--set data.source=folder --set 'data.path=my data' -o a.yaml")
    assert run(["new", "--defaults", *options]) == 0
    spec = load("a.yaml")
    assert spec.name == "my-data"
    assert spec.data.source.path == "my data"  # type: ignore[attr-defined]
