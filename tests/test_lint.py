"""`cnnwiz lint` and `cnnwiz rules` as commands: streams, formats, exit codes, and what comments silence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnwiz.__main__ import run
from cnnwiz.rules import RULES, check
from cnnwiz.rules.suppression import LASTING
from cnnwiz.spec import parse_text

CLEAN = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"
INFO = CLEAN + "schedule: step\n"
WARNING = CLEAN + "loss: hinge\n"
ERROR = CLEAN + "training: {batch_size: 10, micro_batch: 4}\n"
KEYS = [
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
CODES = """
    CNN101 CNN102 CNN103 CNN104 CNN105 CNN106 CNN107 CNN108 CNN109 CNN110 CNN111 CNN112
    CNN113 CNN114 CNN115 CNN116 CNN117 CNN118 CNN130 CNN131 CNN132 CNN200 CNN201 CNN202
    CNN203 CNN204 CNN205 CNN206 CNN207 CNN208 CNN209 CNN210 CNN211 CNN212 CNN213 CNN214
    CNN215 CNN216 CNN217 CNN218 CNN219 CNN220 CNN221 CNN222 CNN223 CNN224 CNN225 CNN226
    CNN227 CNN228 CNN229 CNN230 CNN231 CNN232 CNN233 CNN234 CNN235 CNN236 CNN237 CNN238
    CNN239 CNN240 CNN241 CNN242 CNN243 CNN244 CNN245 CNN246 CNN247 CNN248 CNN249 CNN250
    CNN251 CNN252 CNN253 CNN254 CNN255 CNN256 CNN257 CNN299 CNN301 CNN302 CNN303 CNN304
    CNN305 CNN306 CNN307 CNN308 CNN309 CNN310 CNN311 CNN312 CNN313 CNN314 CNN315 CNN316
    CNN317 CNN318 CNN319 CNN320 CNN321 CNN322 CNN323 CNN324 CNN325 CNN326 CNN327 CNN328
    CNN329 CNN330 CNN331 CNN332 CNN333 CNN334 CNN335 CNN336 CNN337 CNN338 CNN339 CNN340
    CNN341 CNN342 CNN345 CNN401 CNN402 CNN403 CNN404 CNN405 CNN406 CNN407 CNN408 CNN409 CNN410 CNN411
    CNN412 CNN413 CNN414 CNN416 CNN420 CNN501 CNN502 CNN503 CNN504 CNN601 CNN901 CNN902
    CNN903 CNN904 CNN905 CNN906 CNN907 CNN908 CNN909 CNN910 CNN911 CNN912 CNN913
"""
"""Codes are never reused: this list only grows."""


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8", newline="")
        return str(path)

    return write


def test_requirement_30_the_codes_are_frozen() -> None:
    assert [rule.code for rule in RULES] == CODES.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CLEAN, {"error": 0, "warning": 0, "info": 0, "never": 0}),
        (INFO, {"error": 0, "warning": 0, "info": 1, "never": 0}),
        (WARNING, {"error": 0, "warning": 1, "info": 1, "never": 0}),
        (ERROR, {"error": 1, "warning": 1, "info": 1, "never": 0}),
    ],
)
def test_requirement_21_exit_code_follows_the_threshold(text, expected, spec, capsys) -> None:
    for threshold, code in expected.items():
        assert run(["lint", spec(text), "--fail-on", threshold]) == code
    assert capsys.readouterr().err == ""


def test_full_output_ends_with_totals(spec, capsys) -> None:
    path = spec(WARNING)
    assert run(["lint", path]) == 0
    out = capsys.readouterr().out
    assert out.startswith("warning[CNN404] hinge-without-l2: ")
    assert f" --> {path}:5:7\n" in out
    assert "5 | loss: hinge\n  |       ^^^^^\n" in out
    assert out.endswith("1 warning in 1 file\n")
    assert run(["lint", path, "-q"]) == 0
    assert capsys.readouterr().out.endswith("explain CNN404\n\n")


def test_infos_are_shown_when_asked_for(spec, capsys) -> None:
    path = spec(INFO)
    run(["lint", path])
    assert capsys.readouterr().out == "nothing found in 1 file; 1 info not shown (--all)\n"
    for flags in (["--all"], ["--fail-on", "info"], ["--select", "CNN301"]):
        run(["lint", path, *flags])
        assert "info[CNN301] not-linear-schedule" in capsys.readouterr().out


def test_json_is_the_contract_for_any_input(spec, capsys) -> None:
    for text in (CLEAN, INFO, WARNING, ERROR, "", "[", "\x00", "a: 1\na: 2\n"):
        run(["lint", spec(text), "--output-format", "json"])
        report = json.loads(capsys.readouterr().out)
        assert list(report) == ["version", "findings"]
        assert report["version"] == 1
        for finding in report["findings"]:
            assert list(finding) == KEYS
            assert finding["line"] >= 1
            assert finding["column"] >= 1


def test_json_of_a_finding(spec, capsys) -> None:
    path = spec(INFO)
    assert run(["lint", path, "--output-format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found.pop("message").startswith("linear decay gained 2.2 points over steps on CaffeNet")
    assert found == {
        "code": "CNN301",
        "name": "not-linear-schedule",
        "severity": "info",
        "file": path,
        "line": 5,
        "column": 11,
        "end_line": 5,
        "end_column": 15,
        "path": "schedule.step",
        "evidence": ["lr_linear", "lr_exp_160k", "lr_poly_sqr", "lr_poly_sqrt", "sol_rmsprop_linear", "lr_linear_160k"],
        "fix": {
            "safety": "unsafe",
            "message": "write linear in place of step",
            "edits": [{"start": 63, "end": 67, "text": "linear"}],
        },
    }


def test_concise_is_one_line_each(spec, capsys) -> None:
    path = spec(WARNING + "optimizer: adam\nregularization: {l2: {factor: 0}}\n")
    run(["lint", path, "--output-format", "concise"])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{path}:5:7: warning CNN404 hinge-without-l2: ")


def test_statistics_count_by_rule(spec, capsys) -> None:
    path = spec(CLEAN.replace("8}", "8, wdth: 3}") + "nme: x\nloss: hunge\n")
    assert run(["lint", path, "--statistics", "-q"]) == 1
    assert capsys.readouterr().out == (
        "    2  CNN902  error    [u]  unknown-key\n    1  CNN911  error    [u]  unknown-choice\n"
    )


def test_select_and_ignore(spec, capsys) -> None:
    path = spec(WARNING + "training: {batch_size: 10, micro_batch: 4}\n")

    def codes(*flags: str) -> list[str]:
        run(["lint", path, "--output-format", "json", *flags])
        return sorted(f["code"] for f in json.loads(capsys.readouterr().out)["findings"])

    everything = codes()
    assert {"CNN308", "CNN310", "CNN404"} <= set(everything)
    assert codes("--select", "CNN3") == [code for code in everything if code.startswith("CNN3")]
    assert codes("--select", "hinge-without-l2,CNN310") == ["CNN310", "CNN404"]
    assert codes("--ignore", "CNN3", "--ignore", "CNN404") == [
        code for code in everything if not code.startswith("CNN3") and code != "CNN404"
    ]
    assert run(["lint", path, "--ignore", "CNN308,CNN2", "-q"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("flag", ["--select", "--ignore"])
def test_an_unknown_rule_is_a_usage_error_with_the_nearest(flag, spec, capsys) -> None:
    assert run(["lint", spec(CLEAN), flag, "CNN404,hinge-witout-l2"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "'hinge-witout-l2'" in captured.err
    assert "hinge-without-l2" in captured.err


def test_a_missing_file_is_a_usage_error(tmp_path, spec, capsys) -> None:
    spec(CLEAN)
    assert run(["lint", str(tmp_path / "spce.yaml")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean" in captured.err
    assert run(["lint"]) == 2
    capsys.readouterr()


def test_several_files_and_the_same_bytes_twice(tmp_path, capsys) -> None:
    paths = []
    for name, text in (("a.yaml", ERROR), ("[red].yaml", WARNING), ("c.yaml", "[")):
        (tmp_path / name).write_text(text)
        paths.append(str(tmp_path / name))
    outputs = []
    for _ in range(2):
        assert run(["lint", *paths]) == 1
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert all(path in outputs[0] for path in paths)
    assert outputs[0].endswith("in 3 files\n")
    assert "\x1b" not in outputs[0]


@pytest.mark.parametrize("command", [["rules"], ["lint", *["FILE"] * 60]])
def test_requirement_35_a_closed_pipe_is_no_error(command, spec) -> None:
    path = spec(WARNING)
    arguments = [sys.executable, "-m", "cnnwiz", *(path if word == "FILE" else word for word in command)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_rules_lists_them(capsys) -> None:
    assert run(["rules", "--family", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["CNN401", "CNN402", "CNN403", "CNN404", "CNN405"]
    assert run(["rules", "-q"]) == 0
    assert capsys.readouterr().out.split() == [rule.code for rule in RULES]
    assert run(["rules", "--output-format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [rule["code"] for rule in listed] == [rule.code for rule in RULES]
    assert all(rule["what"] and rule["why"] and rule["do"] for rule in listed)


@pytest.mark.parametrize(
    "text",
    [
        "loss: hinge  # cnnwiz: ignore[CNN404] compared with cross-entropy\n",
        "loss: hinge  # cnnwiz: ignore[hinge-without-l2] compared\n",
        "# cnnwiz: ignore[CNN404] compared\nloss: hinge\n",
        "# cnnwiz: ignore[CNN404] compared\n# more words\n\nloss: hinge\n",
        "#cnnwiz:ignore[ CNN404 ] compared\nloss: hinge\n",
        "name: x\n\n\nloss: hinge\n# cnnwiz: ignore-file[CNN404] compared\n",
        "loss:\n  # cnnwiz: ignore[CNN404] compared\n  hinge: {margin: 2}\n",
        "loss: hinge  # cnnwiz: ignore[CNN404] compared\r\n",
    ],
)
def test_requirement_26_comments_silence_findings(text: str) -> None:
    assert check(parse_text(CLEAN + text)) == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("loss: hinge  # cnnwiz: ignore[CNN404]\n", ["CNN913"]),
        ("loss: hinge  # cnnwiz: ignore[CNN301] no\n", ["CNN404", "CNN912"]),
        ("# cnnwiz: ignore[CNN404] too far\nname: x\nloss: hinge\n", ["CNN404", "CNN912"]),
        ("loss: hinge  # cnnwiz: ignore[CNN404, CNN301] two\n", ["CNN912"]),
        ('name: "# cnnwiz: ignore[CNN404] no comment"\nloss: hinge\n', ["CNN903"]),
        ("loss: hinge#cnnwiz: ignore[CNN404] no comment\n", ["CNN901"]),
        ("lss: hinge  # cnnwiz: ignore[CNN902] an error stays\n", ["CNN902", "CNN912"]),
        ("loss: hinge  # cnnwiz: ignore[] nothing\n", ["CNN404"]),
    ],
)
def test_requirement_26_comments_that_do_not_silence(text: str, codes: list[str]) -> None:
    assert sorted(f.code for f in check(parse_text(CLEAN + text))) == codes


def test_an_unknown_word_in_a_comment_names_the_nearest_rule() -> None:
    (finding,) = check(parse_text(CLEAN + "name: x  # cnnwiz: ignore[hinge-witout-l2] typo\n"))
    assert finding.code == "CNN912"
    assert finding.message == "no rule is called 'hinge-witout-l2'; did you mean hinge-without-l2?"
    assert finding.span.column == 27


def test_impossible_networks_cannot_be_silenced() -> None:
    line = "    - conv: {channels: 8, groups: 3}  # cnnwiz: ignore[CNN200] please\n"
    assert [f.code for f in check(parse_text(CLEAN + line))] == ["CNN200", "CNN912"]
    assert LASTING[0] == "CNN200"


WORDS = [
    "cnnwiz: 1",
    "model:",
    "  layers:",
    "    - conv: {channels: 8}",
    "loss: hinge",
    "# cnnwiz: ignore[CNN404] x",
    "- [",
]


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=20)), max_size=8), st.sampled_from(["\n", "\r\n", "\r"])
)
def test_lint_never_fails_on_a_text(lines: list[str], newline: str) -> None:
    document = parse_text(newline.join(lines))
    first = check(document)
    assert first == check(parse_text(document.text))
    for finding in first:
        assert 0 <= finding.span.start <= finding.span.end
