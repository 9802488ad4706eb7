"""The numbered requirements of `cnnwiz lint` that are about the command as a whole; others stand beside their subject.

Beside this file: 22 in test_lint_frame.py, 24 to 26 in test_lint_repair.py and test_lint.py, 27 to 29 in
test_lint_formats.py, 31 in test_lint_settings.py.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import resource
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from mutations import LIMIT, examined, mutated

from cnnwiz.__main__ import run
from cnnwiz.rules import RULES, check
from cnnwiz.spec import parse_text

CLEAN = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"
INFO = CLEAN + "schedule: step\n"
WARNING = CLEAN + "loss: hinge\n"
ERROR = CLEAN + "training: {batch_size: 10, micro_batch: 4}\n"
LINT = [sys.executable, "-m", "cnnwiz", "lint"]
TESTS = Path(__file__).parent
# Bytecode must be kept between runs, or every run compiles the package anew.
PLAIN = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "GITHUB_ACTIONS")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    for name, text in (("info", INFO), ("warning", WARNING), ("error", ERROR), ("clean", CLEAN), ("broken", "[")):
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*LINT, *arguments], capture_output=True, env={**PLAIN, **environment}, timeout=120)


def test_every_requirement_has_a_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in TESTS.glob("test_*.py"))
    found = {int(number) for number in re.findall(r"def test_requirement_(\d+)_", text)}
    assert set(range(21, 38)) <= found


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["clean.yaml", "--fail-on", "info"], 0),
        (["info.yaml", "--fail-on", "warning"], 0),
        (["info.yaml", "--fail-on", "info"], 1),
        (["warning.yaml"], 0),
        (["warning.yaml", "--fail-on", "warning"], 1),
        (["error.yaml"], 1),
        (["error.yaml", "--fail-on", "never"], 0),
        (["broken.yaml"], 1),
        (["nowhere.yaml"], 2),
        (["--select", "CNN999", "clean.yaml"], 2),
        (["--no-such-option", "clean.yaml"], 2),
    ],
)
def test_requirement_21_exit_codes_of_the_process(arguments, code, folder) -> None:
    assert process(*arguments).returncode == code


@pytest.mark.parametrize(
    ("text", "code", "token"),
    [
        ("a: [1\n", "CNN901", ""),
        (CLEAN + "name: a\nname: b\n", "CNN904", "name"),
        (CLEAN + "optimizer: {sgd: {lr: 1e-3}}\n", "CNN905", "1e-3"),
        (CLEAN + "trainning: 1\n", "CNN902", "trainning"),
        ("\t\x00", "CNN901", ""),
        ("\u5352: 1\n" + CLEAN, "CNN902", "\u5352"),
    ],
)
def test_requirement_23_what_cannot_be_read_is_a_finding_with_a_frame(text, code, token, folder, capsys) -> None:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    run(["lint", "s.yaml", "--isolated"])
    out = capsys.readouterr().out
    assert f"[{code}]" in out
    lines = out.split("\n")
    place = next(index for index, line in enumerate(lines) if f"[{code}]" in line)
    carets = next(line for line in lines[place:] if "^" in line)
    assert carets.count("^") >= max(len(token), 1)
    assert token in lines[lines.index(carets) - 1]


def test_requirement_23_damaged_specs_end_in_findings_and_whole_repairs() -> None:
    """A small part of tests/campaigns/lint_mutations.py."""
    rng = random.Random(4711)
    for number in range(50):
        content = mutated(rng)
        try:
            outcome = examined(content)
        except BaseException:
            print(f"document {number}: {content!r}")
            raise
        assert outcome.seconds < LIMIT
        # A repaired name may bring parameters that do not fit it; but rules must not contradict each other.
        assert all(reason.endswith("the file would have more errors") for reason in outcome.refused)


def test_requirement_24_fix_keeps_the_run_and_all_other_bytes(folder, capsys) -> None:
    """Through files: marks at the beginning, line ends and missing last lines stay; a second run writes nothing."""
    rng = random.Random(31)
    path, fixed = folder / "m.yaml", 0
    for _ in range(25):
        content = mutated(rng)
        path.write_bytes(content)
        run(["lint", "m.yaml", "--isolated", "--fix"])
        after = path.read_bytes()
        fixed += after != content
        inserted = re.findall(rb"(?<![\w.])[0-9.]+(?![\w.])", after)
        before = iter(content)
        left = re.sub(rb"[0-9.]+", b"", after) if inserted else after
        assert all(byte in before for byte in left), "everything but numbers was there before, in this order"
        assert after.startswith(b"\xef\xbb\xbf") == content.startswith(b"\xef\xbb\xbf")
        if (spec := parse_text(content.decode("utf-8-sig", "replace")).spec) is not None:
            assert parse_text(after.decode("utf-8-sig")).spec == spec
        stamp = path.stat().st_mtime_ns
        run(["lint", "m.yaml", "--isolated", "--fix"])
        assert path.read_bytes() == after
        assert path.stat().st_mtime_ns == stamp
    assert fixed > 5
    capsys.readouterr()


def test_requirement_25_a_repair_that_breaks_the_file_is_dropped_and_said(folder, capsys, monkeypatch) -> None:
    rule = next(rule for rule in RULES if rule.code == "CNN404")
    honest = type(rule).check

    def broken(self, subject):
        for finding in honest(self, subject):
            yield subject.finding(self, finding.message, finding.path, write="[")

    monkeypatch.setattr(type(rule), "check", broken)
    (folder / "s.yaml").write_text(WARNING + "optimizer: {sgd: {lr: 1e-2}}\n")
    assert run(["lint", "s.yaml", "--isolated", "--fix", "--unsafe-fixes"]) == 0
    captured = capsys.readouterr()
    assert "CNN404 hinge-without-l2: write [ in place of hinge: not done" in captured.err
    assert "warning[CNN404]" in captured.out
    assert (folder / "s.yaml").read_text() == WARNING + "optimizer: {sgd: {lr: 0.01}}\n"


def test_requirement_26_families_names_and_codes_may_be_mixed() -> None:
    text = CLEAN + "loss: hinge  # cnnwiz: ignore[CNN3, hinge-without-l2] compared\nschedule: step\n"
    assert [(f.code, f.message.split(";")[0]) for f in check(parse_text(text))] == [
        ("CNN912", "CNN3 finds nothing here that could be ignored"),
        ("CNN301", check(parse_text(INFO))[0].message.split(";")[0]),
    ]
    assert check(parse_text(INFO + "# cnnwiz: ignore-file[CNN3] steps are studied\n")) == []


def test_requirement_26_a_wrong_code_gets_a_note() -> None:
    text = CLEAN + "loss: hinge  # cnnwiz: ignore[CNN301] as published\n"
    note = next(f for f in check(parse_text(text)) if f.code == "CNN912")
    assert note.message.endswith("remove it; what was found on its line is CNN404 hinge-without-l2")


def test_requirement_26_comments_are_not_called_unused_where_nothing_was_looked_at() -> None:
    """A misspelt key keeps the rules from running: that says nothing about the comments for them."""
    text = WARNING.replace("hinge\n", "hinge  # cnnwiz: ignore[CNN404] compared\n")
    assert check(parse_text(text)) == []
    for wrong in ("lr: 1\n", "    - conv: {channels: 8, groups: 3}\n"):
        lines = text.split("\n")
        lines.insert(4, wrong.rstrip())
        assert {f.code for f in check(parse_text("\n".join(lines)))} <= {"CNN902", "CNN200"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_requirement_30_every_code_has_a_page(rule, capsys) -> None:
    assert run(["explain", rule.code]) == 0
    page = capsys.readouterr().out
    for heading in ("What", "Why", "Do", "Example", "Evidence", "Silence"):
        assert re.search(rf"^{heading}\b", page, re.MULTILINE), heading
    assert f"# cnnwiz: ignore[{rule.code}] reason" in page
    assert rule.name in page
    for sample in (rule.bad[0], rule.good[0]):
        assert dedent(sample).strip().splitlines()[0] in page


def test_requirement_32_the_output_is_the_same_bytes(folder) -> None:
    (folder / "\u00e9\u5352.yaml").write_text(WARNING, encoding="utf-8")
    names = sorted(path.name for path in folder.iterdir())
    variants = [
        ({"PYTHONHASHSEED": "1"}, names),
        ({"PYTHONHASHSEED": "2", "COLUMNS": "40", "LC_ALL": "C.UTF-8"}, names[::-1]),
        ({"PYTHONHASHSEED": "3", "COLUMNS": "300", "LANG": "tr_TR.UTF-8", "PYTHONUTF8": "1"}, [*names[3:], *names]),
    ]
    for form in ("full", "sarif"):
        outputs = {process(*files, "--output-format", form, **env).stdout for env, files in variants}
        assert len(outputs) == 1


def test_requirement_33_processor_time_of_lint(folder) -> None:
    """250 ms for one file, twice that here; the least of five runs, as other processes can only add to it."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process("warning.yaml").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 2 * 0.250


LOADED = """
import json, sys
from cnnwiz.__main__ import run
for form in sys.argv[1].split(","):
    run(["lint", "warning.yaml", "error.yaml", "--output-format", form, "-o", "out"])
print(json.dumps(sorted(sys.modules)))
"""


def test_requirement_34_lint_loads_no_torch_rich_or_network(folder) -> None:
    forms = "full,concise,json,jsonl,github,gitlab,sarif,junit"
    done = subprocess.run([sys.executable, "-c", LOADED, forms], capture_output=True, check=True, env=PLAIN)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {"torch", "torchvision", "numpy", "PIL", "sklearn", "rich", "questionary", "prompt_toolkit"}
    network = {"ssl", "http.client", "urllib.request", "asyncio"}  # importlib.metadata brings socket, by way of email
    assert not (heavy | network) & loaded


def test_requirement_35_head_ends_lint_silently(folder) -> None:
    for arguments in ("lint warning.yaml error.yaml broken.yaml", "rules"):
        command = f"set -o pipefail; {sys.executable} -m cnnwiz {arguments} | head -n 1"
        done = subprocess.run(["bash", "-c", command], capture_output=True, env=PLAIN)
        assert done.stderr == b""
        assert len(done.stdout.splitlines()) == 1
        assert done.returncode in (0, 1, 141)


@pytest.mark.parametrize("text", ["[red]", "[/x]", "{}", "%s", "{0!r:>{1}}", "\\e[31m", "<b>&amp;", ":smile:"])
@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "gitlab", "sarif", "junit"])
def test_requirement_36_texts_are_shown_as_they_are(text, form, folder, capsys) -> None:
    name = f"{text.replace('/', '')}.yaml"
    (folder / name).write_text(CLEAN + f"loss: '{text}'\n")
    run(["lint", name, "--isolated", "--output-format", form])
    out = capsys.readouterr().out
    shown = {
        "json": json.dumps(text)[1:-1],
        "gitlab": json.dumps(text)[1:-1],
        "sarif": json.dumps(text)[1:-1],
        "junit": text.replace("&", "&amp;").replace("<", "&lt;"),
        "github": text.replace("%", "%25"),
    }.get(form, text)
    assert shown.replace("\\", "\\\\") in out.replace(">", "&gt;") or shown in out.replace("&gt;", ">")
    assert "\x1b" not in out


def test_requirement_37_wrong_flags_and_files_are_one_error_each(folder, capsys) -> None:
    rng = random.Random(7)
    (folder / "folder").mkdir()
    (folder / "cnnwiz.toml").write_text('ignore = ["CNN301"]\n')
    (folder / "bad.toml").write_bytes(b"\xff\x00[")
    values = ["", "x", "-1", "CNN", "CNN3", "CNN404", "error", "\u5352", "../..", "/", "bad.toml", "info.yaml"]
    options = ["--select", "--ignore", "--extend-select", "--exclude", "--fail-on", "--output-format", "--baseline"]
    options += ["--config", "--stdin-filename", "--color"]
    flags = ["--fix", "--diff", "--unsafe-fixes", "--statistics", "--all", "-q", "--isolated", "--show-config"]
    files = ["clean.yaml", "error.yaml", "broken.yaml", "folder", "bad.toml", "nowhere.yaml", "", "\u5352"]
    for _ in range(80):
        arguments = [rng.choice(files) for _ in range(rng.randint(0, 2))]
        pairs = [(rng.choice(options), rng.choice(values)) for _ in range(rng.randint(0, 2))]
        arguments += itertools.chain(*pairs)
        arguments += [rng.choice(flags) for _ in range(rng.randint(0, 2))]
        code = run(["lint", *arguments])
        captured = capsys.readouterr()
        assert code in (0, 1, 2), arguments
        assert "Traceback" not in captured.err, arguments
        assert "a bug in cnnwiz" not in captured.err, (arguments, captured.err)
        assert code != 2 or captured.err.strip(), arguments
