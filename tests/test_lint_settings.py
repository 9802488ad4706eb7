"""`cnnwiz lint` with a configuration, a baseline, directories, standard input and --watch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnwiz.__main__ import run

CLEAN = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"
WARNING = CLEAN + "loss: hinge\n"
INFO = CLEAN + "schedule: step\n"
COMMAND = [sys.executable, "-m", "cnnwiz", "lint"]
VARIABLES = ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "CI_PROJECT_DIR", "NO_COLOR")


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """A repository with a folder of specs, and the command running in its root."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs" / "old").mkdir(parents=True)
    for name, text in (
        ("a.yaml", WARNING),
        ("b.yml", INFO),
        ("old/c.yaml", WARNING),
        ("compose.yaml", "services: 1\n"),
    ):
        (tmp_path / "specs" / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def found(capsys, *arguments: str) -> list[tuple[str, str, str]]:
    """(file, code, severity) of what lint says."""
    run(["lint", *arguments, "--output-format", "json"])
    listed = json.loads(capsys.readouterr().out)["findings"]
    return [(finding["file"], finding["code"], finding["severity"]) for finding in listed]


def test_directories_hold_specs(project, capsys) -> None:
    """Only YAML with the key `cnnwiz`; hidden folders and virtual environments are left out."""
    for folder in (".hidden", "env/lib"):
        (project / folder).mkdir(parents=True)
        (project / folder / "spec.yaml").write_text(WARNING)
    (project / "env" / "pyvenv.cfg").touch()
    expected = [("specs/a.yaml", "CNN404"), ("specs/b.yml", "CNN301"), ("specs/old/c.yaml", "CNN404")]
    assert [item[:2] for item in found(capsys, ".")] == expected
    assert [item[:2] for item in found(capsys, "specs/old/c.yaml", "specs", "specs/a.yaml", "./specs")] == expected
    assert [item[:2] for item in found(capsys, "specs", "--exclude", "old")] == expected[:2]
    assert [item[:2] for item in found(capsys, ".", "--exclude", "specs/*.yaml")] == expected[1:2]
    assert "CNN909" in [item[1] for item in found(capsys, "specs/compose.yaml")]
    assert run(["lint", ".hidden/.."]) == 0


def test_hooks_pass_files_that_are_no_specs(project, capsys) -> None:
    names = ["specs/compose.yaml", "specs/a.yaml", "specs/old/c.yaml"]
    assert {item[0] for item in found(capsys, *names)} == set(names)
    assert [item[0] for item in found(capsys, *names, "--specs-only", "--exclude", "old")] == ["specs/a.yaml"]
    assert run(["lint", "specs/compose.yaml", "--specs-only", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["lint", "nowhere.yaml", "--specs-only"]) == 2
    capsys.readouterr()


def test_a_directory_without_specs_is_said(project, capsys) -> None:
    (project / "empty").mkdir()
    assert run(["lint", "empty"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "nothing found in 0 files\n"
    assert captured.err == "no specs in empty\n"


def test_configuration_of_the_repository_applies(project, capsys) -> None:
    (project / "cnnwiz.toml").write_text(
        'ignore = ["CNN301"]\nseverity = {hinge-without-l2 = "error"}\nfail-on = "error"\n'
        'per-file-ignores = {"specs/old/*" = ["CNN4"]}\n'
    )
    assert found(capsys, "specs") == [("specs/a.yaml", "CNN404", "error")]
    assert run(["lint", "specs/a.yaml"]) == 1
    assert run(["lint", "specs/a.yaml", "--isolated"]) == 0
    assert run(["lint", "specs/a.yaml", "--fail-on", "never"]) == 0
    os.chdir("specs")
    capsys.readouterr()
    assert found(capsys, "a.yaml", "old/c.yaml") == [("a.yaml", "CNN404", "error")]


def test_pyproject_and_the_nearest_file_win(project, capsys) -> None:
    (project / "pyproject.toml").write_text('[tool.black]\nx = 1\n[tool.cnnwiz]\nselect = ["CNN3"]\n')
    assert [item[1] for item in found(capsys, "specs")] == ["CNN301"]
    (project / "specs" / "pyproject.toml").write_text("[tool.black]\n")
    assert [item[1] for item in found(capsys, "specs")] == ["CNN301"]
    (project / "specs" / "cnnwiz.toml").write_text('select = ["CNN4"]\n')
    assert [item[1] for item in found(capsys, "specs")] == ["CNN404", "CNN404"]
    assert [item[1] for item in found(capsys, "specs", "--config", "pyproject.toml")] == ["CNN301"]
    assert [item[1] for item in found(capsys, "specs", "--select", "CNN3")] == ["CNN301"]


def test_the_search_ends_at_the_repository(project, capsys) -> None:
    inner = project / "inner"
    (inner / ".git").mkdir(parents=True)
    (inner / "s.yaml").write_text(WARNING)
    (project / "cnnwiz.toml").write_text('ignore = ["CNN404"]\n')
    assert found(capsys, "inner/s.yaml") == [("inner/s.yaml", "CNN404", "warning")]
    assert found(capsys, "specs/a.yaml") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('selct = ["CNN3"]\n', "cnnwiz.toml:1: no key is called 'selct'; did you mean 'select'?"),
        ('\nselect = "CNN3"\n', "cnnwiz.toml:2: select takes a list of texts"),
        ('ignore = ["CNN404", "CNN999"]\n', "cnnwiz.toml:1: no rule is called 'CNN999'; nearest: CNN"),
        (
            '[severity]\nhinge-witout-l2 = "info"\n',
            "cnnwiz.toml:2: no rule is called 'hinge-witout-l2'; nearest: hinge-",
        ),
        (
            'severity = {CNN404 = "loud"}\n',
            "cnnwiz.toml:1: severity takes a table from rules to error, warning or info",
        ),
        ('severity = {CNN902 = "info"}\n', "cnnwiz.toml:1: CNN902 must stay an error"),
        ('fail-on = "errors"\n', "cnnwiz.toml:1: fail-on takes error, warning, info or never"),
        ("all = 1\n", "cnnwiz.toml:1: all takes true or false"),
        ("select = [\n", "cnnwiz.toml: not TOML: "),
        ('per-file-ignores = {"*" = ["CNN3", "x"]}\n', "cnnwiz.toml:1: no rule is called 'x'"),
        ('baseline = "nowhere.json"\n', "nowhere.json: there is no baseline; --write-baseline writes it"),
    ],
)
def test_requirement_31_a_wrong_configuration_is_an_error_at_its_line(text, says, project, capsys) -> None:
    (project / "cnnwiz.toml").write_text(text)
    assert run(["lint", "specs"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {says}")
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("option", ["--select", "--ignore", "--extend-select"])
def test_requirement_31_an_unknown_rule_names_the_nearest(option, project, capsys) -> None:
    assert run(["lint", "specs", option, "CNN404,hinge-witout-l2"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "'hinge-witout-l2'; nearest: hinge-without-l2" in captured.err


def test_requirement_31_an_unknown_rule_in_a_comment_is_a_finding(project, capsys) -> None:
    (project / "s.yaml").write_text(CLEAN + "loss: hinge  # cnnwiz: ignore[hinge-witout-l2] typo\n")
    run(["lint", "s.yaml", "--output-format", "concise"])
    assert "no rule is called 'hinge-witout-l2'; did you mean hinge-without-l2?" in capsys.readouterr().out


def test_show_config_says_where_values_come_from(project, capsys) -> None:
    (project / "cnnwiz.toml").write_text('ignore = ["CNN301"]\n')
    assert run(["lint", "specs", "--show-config", "--fail-on", "info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'ignore = ["CNN301"]  # cnnwiz.toml' in lines
    assert 'fail-on = "info"  # command line' in lines
    assert "all = false  # default" in lines


def test_extend_select_shows_infos_of_these_rules(project, capsys) -> None:
    run(["lint", "specs", "--output-format", "concise"])
    assert "CNN301" not in capsys.readouterr().out
    run(["lint", "specs", "--output-format", "concise", "--extend-select", "CNN301"])
    out = capsys.readouterr().out
    assert "info CNN301 not-linear-schedule" in out
    assert "CNN404" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--unsafe-fixes", "specs"], "--unsafe-fixes goes with --fix"),
        (["--statistics", "--output-format", "sarif", "specs"], "not as sarif"),
        (["--stdin-filename", "x.yaml", "specs"], "give - as the file"),
        (["--watch", "-"], "--watch needs files"),
        (["--write-baseline", "specs"], "--write-baseline needs a file"),
        (["--baseline", "specs/a.yaml", "specs"], "specs/a.yaml: not a baseline"),
        (["--config", "none.toml", "specs"], "none.toml: cannot be read"),
    ],
)
def test_no_option_is_ignored(arguments, says, project, capsys) -> None:
    assert run(["lint", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err


def test_the_baseline_lets_only_new_findings_count(project, capsys) -> None:
    arguments = ["lint", "specs", "--fail-on", "warning", "--baseline", "known.json"]
    assert run([*arguments, "--write-baseline"]) == 0
    assert capsys.readouterr().err == "wrote known.json: 2 findings\n"
    first = (project / "known.json").read_bytes()
    assert run(arguments) == 0
    assert "2 findings in the baseline" in capsys.readouterr().out
    spec = project / "specs" / "a.yaml"
    spec.write_text("# moved\n\n" + WARNING)
    assert run(arguments) == 0
    spec.write_text(WARNING + "optimizer: {sgd: {lr: 1e-2}}\n")
    assert run(arguments) == 1
    out = capsys.readouterr().out
    assert "CNN905" in out
    assert "CNN404]" not in out
    spec.write_text(CLEAN)
    assert run(arguments) == 0
    assert capsys.readouterr().err == "1 finding of known.json no longer there; --write-baseline takes them out\n"
    assert run([*arguments, "--write-baseline"]) == 0
    assert json.loads((project / "known.json").read_bytes())["files"] == {"specs/old/c.yaml": {"CNN404 loss hinge": 1}}
    spec.write_text(WARNING)
    assert run([*arguments, "--write-baseline"]) == 0
    assert (project / "known.json").read_bytes() == first


def test_more_of_a_kind_than_the_baseline_knows_are_all_new(project, capsys) -> None:
    spec = project / "s.yaml"
    number = "    - dropout: {rate: 1e-1}\n"
    spec.write_text(CLEAN + number)
    arguments = ["lint", "s.yaml", "--fail-on", "warning", "--baseline", "known.json"]
    run([*arguments, "--write-baseline"])
    assert run(arguments) == 0
    spec.write_text(CLEAN + number + number)
    capsys.readouterr()
    assert run([*arguments, "--output-format", "concise"]) == 1
    assert capsys.readouterr().out.count("CNN905") == 2


def test_the_baseline_never_hides_what_cannot_be_trained(project, capsys) -> None:
    spec = project / "s.yaml"
    spec.write_text(CLEAN + "lss: hinge\n")
    arguments = ["lint", "s.yaml", "--baseline", "known.json"]
    run([*arguments, "--write-baseline"])
    assert run(arguments) == 1
    for option in (["--ignore", "CNN9"], ["--select", "CNN3"]):
        assert run(["lint", "s.yaml", *option]) == 1
    capsys.readouterr()


def test_standard_input_for_editors(project) -> None:
    (project / "cnnwiz.toml").write_text('per-file-ignores = {"specs/old/*" = ["CNN404"]}\n')
    for name, count in (("specs/a.yaml", 1), ("specs/old/c.yaml", 0)):
        process = subprocess.run(
            [*COMMAND, "-", "--stdin-filename", name, "--output-format", "concise"],
            input=WARNING.encode(),
            capture_output=True,
            check=True,
        )
        lines = process.stdout.decode().splitlines()
        assert [line.split(": ")[0] for line in lines] == [f"{name}:5:7"] * count
        assert process.stderr == b""


def test_standard_input_is_repaired_to_standard_output(project) -> None:
    text = WARNING + "optimizer: {sgd: {lr: 1e-2}}  # \u5352\r\n"
    process = subprocess.run([*COMMAND, "-", "--fix", "-q"], input=text.encode(), capture_output=True, check=True)
    assert process.stdout == text.replace("1e-2", "0.01").encode()
    assert b"CNN905 number-as-text: write 0.01" in process.stderr
    assert b"hinge-without-l2" in process.stderr


def test_watch_looks_again_until_ctrl_c(project) -> None:
    spec = project / "specs" / "a.yaml"
    arguments = [*COMMAND, "specs", "--watch", "--output-format", "concise"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert "CNN404" in process.stdout.readline()
        assert "CNN404" in process.stdout.readline()
        assert "watching 3 files; Ctrl-C ends" in process.stderr.readline()
        spec.write_text("cnnwiz: [\n")
        assert "CNN901" in process.stdout.readline()
        assert "CNN404" in process.stdout.readline()
        assert "watching" in process.stderr.readline()
        (project / "specs" / "new.yaml").write_text(WARNING)
        assert "a.yaml" in process.stdout.readline()
        assert "new.yaml" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert "\x1b" not in process.stdout.read()
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_watch_waits_for_a_file_that_is_away(project) -> None:
    """Editors remove a file and write it anew."""
    process = subprocess.Popen(
        [*COMMAND, "specs/a.yaml", "--watch", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert "watching 1 files" in process.stderr.readline()
        (project / "specs" / "a.yaml").unlink()
        assert "no such file" in process.stderr.readline()
        assert "watching" in process.stderr.readline()
        time.sleep(0.5)
        assert process.poll() is None
        (project / "specs" / "a.yaml").write_text("cnnwiz: 2\n")
        assert "watching 1 files" in process.stderr.readline()
    finally:
        process.kill()
        out, _ = process.communicate()
    assert "CNN910" in out
