"""Where lint meets the user outside the terminal: hooks for pre-commit, and the workflow of the README, really run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLEAN = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n"
BAD = CLEAN + "optimizer: {adam: {lr: 1e-3}}\nregularization: {l2: {factor: 0.1}}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of a user, with `cnnwiz` on the PATH."""
    for name, text in (("good.yaml", CLEAN), ("bad.yaml", BAD), ("compose.yaml", "services: {}\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "cnnwiz"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cnnwiz "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI"))}
    return subprocess.run(command, cwd=folder, env={**plain, "PATH": path, **more}, capture_output=True, text=True)


def test_hooks_have_what_pre_commit_asks_for() -> None:
    assert [hook["id"] for hook in HOOKS] == ["cnnwiz-lint", "cnnwiz-lint-fix"]
    for hook in HOOKS:
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert hook["types"] == ["yaml"]


def test_the_hook_takes_all_yaml_files_of_a_commit(checkout) -> None:
    """pre-commit calls the entry with the names of the staged files of these types."""
    entry = shlex.split(HOOKS[0]["entry"])
    done = run([*entry, "compose.yaml", "good.yaml"], checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run([*entry, "compose.yaml", "bad.yaml", "good.yaml"], checkout)
    assert done.returncode == 1
    assert "error[CNN305]" in done.stdout
    assert "compose" not in done.stdout


def test_the_hook_that_repairs_changes_files(checkout) -> None:
    done = run([*shlex.split(HOOKS[1]["entry"]), "compose.yaml", "bad.yaml"], checkout)
    assert done.returncode == 1
    assert (checkout / "bad.yaml").read_text() == BAD.replace("1e-3", "0.001")


def test_the_workflow_of_the_readme_annotates(checkout) -> None:
    block = re.search(r"<!-- action -->\n```yaml\n(.*?)```", README, re.DOTALL)
    assert block
    steps = yaml.safe_load(block[1])["jobs"]["lint"]["steps"]
    (step,) = [step["run"] for step in steps if step.get("run", "").startswith("cnnwiz")]
    script = checkout / "step.sh"
    script.write_text(step)
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]  # what a runner calls
    done = run(shell, checkout, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(checkout))
    assert done.returncode == 1
    assert done.stderr == ""
    annotation = re.compile(r"^::error file=bad.yaml,line=5,col=13,.*title=CNN305 adam-with-l2::Adam ", re.MULTILINE)
    assert annotation.match(done.stdout)
    (checkout / "bad.yaml").unlink()
    done = run(shell, checkout, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(checkout))
    assert (done.returncode, done.stdout) == (0, "nothing found in 1 file\n")
