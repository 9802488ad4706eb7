"""Runs, weights, images and arrays of others: no code of theirs runs, nothing is written elsewhere, memory is small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import ABOUT, IMAGES, MARKER, WEIGHTS, hostile_arrays, hostile_images, hostile_runs
from small_run import train_small

MEGABYTES = 50
"""How much more memory any of this may take than predicting one good image. Measured: 7 MB, beside 564 MB of a process
in which torch with its CUDA libraries has predicted that image."""

DRIVER = """
import contextlib, io, json, sys
from pathlib import Path
from cnnwiz.__main__ import run
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
for line in sys.stdin:
    words = json.loads(line)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    print(json.dumps({"words": words, "code": code, "err": err.getvalue(), "peak": peak()}), flush=True)
"""


def listing(*folders: Path) -> dict[str, int]:
    return {str(f): f.lstat().st_mtime_ns for folder in folders for f in folder.rglob("*") if f.name != "__pycache__"}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_nothing_of_theirs_runs_and_nothing_grows(tmp_path):
    home, theirs, here = tmp_path / "home", tmp_path / "theirs", tmp_path / "here"
    for folder in (home, theirs, here):
        folder.mkdir()
    run = train_small(home, ("epochs: 4", "epochs: 1"))
    good = next((home / "digits" / "test" / "two").iterdir())
    runs = hostile_runs(run, theirs)
    images = hostile_images(theirs / "images")
    common = ["--device", "cpu", "--workers", "0"]
    calls = [["predict", str(run), str(good), *common]]
    calls += [["predict", str(one), str(good), *common] for one in runs]
    calls += [["predict", str(run), str(file), *common] for file in sorted(images.iterdir())]
    calls += [["predict", str(run), str(images), *common]]
    arrays = hostile_arrays(theirs)
    calls += [["eval", str(run), "--data", str(file), *common] for file in arrays]
    calls += [
        ["export", str(runs[0]), "--format", "python", "-o", "x.py"],
        ["compare", str(run), str(runs[1]), *common],
    ]
    assert len(runs) + len(IMAGES) + 3 + len(arrays) >= 30
    assert len(WEIGHTS) + len(ABOUT) >= 20

    before = listing(home, theirs)
    process = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input="".join(json.dumps(words) + "\n" for words in calls),
        capture_output=True,
        text=True,
        timeout=500,
        cwd=here,
        check=True,
    )
    done = [json.loads(line) for line in process.stdout.splitlines()]
    assert [one["words"] for one in done] == calls
    usual = done.pop(0)
    assert usual["code"] == 0
    for one in done:
        assert one["code"] in (1, 2, 4), one
        assert "a bug in cnnwiz" not in one["err"], one
        assert "Traceback" not in one["err"], one
        assert one["err"].strip(), one
    assert list(here.iterdir()) == [], MARKER
    assert listing(home, theirs) == before
    assert done[-1]["peak"] < usual["peak"] + MEGABYTES, [(one["peak"], one["words"]) for one in done]
