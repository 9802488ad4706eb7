"""`cnnwiz templates`: listed, printed, written, never over something; each is a clean spec that names its source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnnwiz.__main__ import run
from cnnwiz.cli import templates
from cnnwiz.cli.templates import first_line, folder
from cnnwiz.graph import graph_of
from cnnwiz.rules import check
from cnnwiz.spec import load, open_document

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "templates").glob("*.yaml"))


def test_the_list_has_a_line_for_each(capsys):
    assert run(["templates"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [path.stem for path in FILES]
    assert all(first_line(path) in line for path, line in zip(FILES, lines, strict=True))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_template_is_printed_as_it_is(path, capsys):
    assert run(["templates", path.stem]) == 0
    assert capsys.readouterr().out == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_template_is_clean_and_says_where_it_comes_from(path):
    document = open_document(path)
    assert [finding.message for finding in check(document) if finding.severity != "info"] == []
    assert document.spec is not None
    assert document.spec.name == path.stem.replace("-", "_")
    comments = [line for line in document.text.split("cnnwiz: 1\n")[0].splitlines() if not line.startswith("# cnnwiz:")]
    assert len(comments) >= 2
    assert re.search(r"Source|Evidence", "\n".join(comments[1:]))
    assert graph_of(load(path)).finding is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_parameters_a_template_names_are_those_it_has(path):
    named = re.search(r": ([\d,]+) parameters", first_line(path))
    if named is not None:
        graph = graph_of(load(path))
        assert int(named[1].replace(",", "")) in (graph.parameters, parameters_in_evaluation(path))


def parameters_in_evaluation(path: Path) -> int:
    """Parameters without those of auxiliary heads, which only training uses."""
    nodes = graph_of(load(path)).nodes
    return sum(node.parameter_count for node in nodes if "auxiliary" not in node.path)


def test_written_but_not_over_something(tmp_path, capsys):
    target = tmp_path / "mine.yaml"
    assert run(["templates", "digits", "-o", str(target)]) == 0
    assert target.read_bytes() == (ROOT / "templates" / "digits.yaml").read_bytes()
    target.write_text("mine")
    assert run(["templates", "digits", "-o", str(target)]) == 2
    assert "--force" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert run(["templates", "digits", "-o", str(target), "--force"]) == 0
    assert load(target).name == "digits"
    assert sorted(tmp_path.iterdir()) == [target, tmp_path / "mine.yaml.bak"]
    assert (tmp_path / "mine.yaml.bak").read_text() == "mine"
    assert run(["templates", "digits", "-o", str(tmp_path / "no" / "where.yaml")]) == 2


@pytest.mark.parametrize(
    ("words", "says"), [(["digts"], "did you mean digits?"), (["zzz"], "there are"), (["-o", "x.yaml"], "which")]
)
def test_what_cannot_be_done_is_said_in_one_line(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["templates", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert len(err.splitlines()) == 1


def test_an_installed_package_has_its_own_folder(tmp_path, monkeypatch):
    package = tmp_path / "cnnwiz"
    (package / "cli").mkdir(parents=True)
    (package / "templates").mkdir()
    monkeypatch.setattr(templates, "__file__", str(package / "cli" / "templates.py"))
    assert folder() == package / "templates"


def test_the_wheel_is_told_to_hold_them():
    assert '"templates" = "cnnwiz/templates"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
