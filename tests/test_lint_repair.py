"""Repairs: safe ones keep the training run, all keep what they are not about, and files are replaced as a whole."""

from __future__ import annotations

import stat
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnwiz.__main__ import run
from cnnwiz.rules import RULES, check
from cnnwiz.rules.repair import Repaired, repaired, swap
from cnnwiz.spec import parse_text

CLEAN = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"
SPEC = (
    "# a spec\r\n"
    "cnnwiz: 1\r\n"
    "optimizer: {sgd: {lr: 5e-2}}   # tuned\r\n"
    "model:\r\n"
    "  layers:\r\n"
    "    - conv: {channels: 8}  # \u5352\r\n"
    "schedule: step # cnnwiz: ignore[CNN404] old\r\n"
)


def test_requirement_24_safe_repairs_touch_nothing_else() -> None:
    document = parse_text(SPEC)
    repair = repaired(document, check, unsafe=False)
    assert [f.code for f in repair.applied] == ["CNN905", "CNN912"]
    assert repair.document.text == SPEC.replace("5e-2", "0.05").replace(" # cnnwiz: ignore[CNN404] old", "")
    assert repair.document.spec == document.spec
    assert repaired(repair.document, check, unsafe=False) == Repaired(repair.document)


def test_requirement_25_unsafe_repairs_need_to_be_asked_for() -> None:
    repair = repaired(parse_text(SPEC), check, unsafe=True)
    assert [f.code for f in repair.applied] == ["CNN905", "CNN912", "CNN301"]
    assert "schedule: linear\r\n" in repair.document.text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_repairs_of_bad_samples_repair_them(rule) -> None:
    for sample in rule.bad:
        document = parse_text(dedent(sample))
        findings = check(document)
        repair = repaired(document, check, unsafe=True)
        assert repair.refused == ()
        if all(f.fix for f in findings):
            assert len(repair.applied) >= len(findings)
            assert rule.code not in {f.code for f in check(repair.document)}


@settings(deadline=None)
@given(st.floats(1e-6, 99, exclude_min=True), st.sampled_from(["{:.3e}", "{:e}", "{:.1E}", "{:.0e}"]))
def test_numbers_keep_their_value(value: float, form: str) -> None:
    written = form.format(value)
    document = parse_text(f"{CLEAN}optimizer: {{sgd: {{lr: {written}}}}}\n")
    after = repaired(document, check, unsafe=False).document
    assert after.spec == document.spec
    assert "CNN905" not in {f.code for f in check(after)}


def test_swap_replaces_single_values_only() -> None:
    document = parse_text(CLEAN + "schedule: {step: {gamma: 0.2}}\n")
    assert swap(document, ("schedule", "step"), "linear") is None
    assert swap(document, ("model", "defaults", "norm"), "none") is None
    assert swap(None, ("schedule",), "linear") is None
    fix = swap(document, ("schedule", "step", "gamma"), "0.1")
    assert fix is not None
    assert document.text[fix.edits[0].start : fix.edits[0].end] == "0.2"


def test_fix_writes_the_file_and_says_so(tmp_path: Path, capsys) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SPEC.encode())
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    assert run(["lint", "--fix", str(link)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "nothing found in 1 file; 1 info not shown (--all)\n"
    assert captured.err.splitlines() == [
        f"{link}:3:23: CNN905 number-as-text: write 0.05",
        f"{link}:7:33: CNN912 unused-suppression: remove the comment",
    ]
    fixed = SPEC.replace("5e-2", "0.05").replace(" # cnnwiz: ignore[CNN404] old", "")
    assert path.read_bytes() == b"\xef\xbb\xbf" + fixed.encode()
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.yaml", "s.yaml"]


def test_requirement_25_diff_shows_and_writes_nothing(tmp_path: Path, capsys) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(CLEAN + "optimizer: {sgd: {lr: 5e-2}}\n")
    before = path.read_bytes()
    assert run(["lint", "--fix", "--diff", str(path)]) == 1
    assert capsys.readouterr().out == (
        f"--- {path}\n+++ {path}\t(after 1 repair)\n@@ -4,2 +4,2 @@\n     - conv: {{channels: 8}}\n"
        "-optimizer: {sgd: {lr: 5e-2}}\n+optimizer: {sgd: {lr: 0.05}}\n"
    )
    assert path.read_bytes() == before
    path.write_text(CLEAN)
    assert run(["lint", "--diff", str(path)]) == 0
    assert capsys.readouterr().out == "nothing to fix\n"


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path, capsys, monkeypatch) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SPEC)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    assert run(["lint", "--fix", str(path)]) == 4
    assert "No space left on device" in capsys.readouterr().err
    assert path.read_text() == SPEC.replace("\r\n", "\n")
    assert [p.name for p in tmp_path.iterdir()] == ["s.yaml"]
