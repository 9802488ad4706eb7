"""What `cnnwiz train` looks like: on a terminal, in a pipe, as JSON, as curves; and what signals and limits do."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "campaigns"))

from lives import SPEC, TRAIN, Lives, has_ended

from cnnwiz.__main__ import main
from cnnwiz.cli.pace import Pace
from cnnwiz.cli.progress import Lines, _minutes
from cnnwiz.cli.train import seconds_of
from cnnwiz.errors import CnnwizError
from cnnwiz.training import checkpoint
from cnnwiz.training.events import Epoch, Finished, Phase, Started, Step, Stopped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="lives are forked")


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    with Lives(tmp_path_factory.mktemp("face")) as found:
        # So many epochs that a signal comes before the end.
        (found.folder / "long.yaml").write_text(SPEC.replace("epochs: 2, image_size: 8", "epochs: 900, image_size: 8"))
        yield found


LONG = ("train", "long.yaml", *TRAIN[2:])


def begun(lives: Lives, run: str, pid: int) -> None:
    """Wait until an epoch is done."""
    while not (lives.folder / run / "metrics.jsonl").exists():
        assert not has_ended(pid), lives.said()
        time.sleep(0.01)


@pytest.mark.slow
def test_signals_as_promised(lives: Lives) -> None:
    """Requirement 38: to the whole group, and twice."""
    pid = lives.start(*LONG, "group", "--workers", "2")
    begun(lives, "group", pid)
    os.killpg(pid, signal.SIGTERM)
    assert lives.wait(pid) == 143
    assert json.loads((lives.folder / "group/run.json").read_text())["status"] == "stopped"
    with pytest.raises(ProcessLookupError):  # nobody of the group is left
        os.killpg(pid, 0)

    pid = lives.start(*LONG, "twice")
    begun(lives, "twice", pid)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGINT)
    asked = time.monotonic()
    assert lives.wait(pid) == 130
    assert time.monotonic() - asked < 10, "far less where nothing else runs"
    for path in (lives.folder / "twice/checkpoints").glob("step-*"):
        checkpoint.read(path)


@pytest.mark.slow
def test_a_pipe_gets_a_line_per_epoch_and_json_nothing_else(lives: Lives) -> None:
    lives.said()
    assert lives.run("train", "short.yaml", "--no-lint", "--workers", "0", "--device", "cpu", "--run-dir", "plain") == 0
    said = lives.said()
    assert not any(character in said for character in "\r\x1b\t")
    assert [line.split(" epoch=")[1].split()[0] for line in said.splitlines() if " epoch=" in line] == [
        "1/4",
        "2/4",
        "3/4",
        "4/4",
    ]
    assert "phase   2 of 2: 2 epochs at 10 px, lr 0.01, 1 lines frozen" in said

    command = ("--no-lint", "--workers", "0", "--device", "cpu", "--json", "--tensorboard", "--run-dir", "curves")
    assert lives.run("train", "short.yaml", *command) == 0
    events = [json.loads(line) for line in lives.said().splitlines() if line.startswith("{")]
    names = [event["event"] for event in events]
    assert names.count("epoch") == 4
    assert names.count("phase") == 2
    assert (names[-1], names.index("started") < names.index("epoch")) == ("finished", True)
    metrics = [json.loads(line) for line in (lives.folder / "curves/metrics.jsonl").read_text().splitlines()]
    assert [event["val_loss"] for event in events if event["event"] == "epoch"] == [
        line["val_loss"] for line in metrics
    ]
    curves_agree(lives.folder / "curves/tensorboard", [line["val_loss"] for line in metrics])


def curves_agree(folder: Path, losses: list[float]) -> None:
    """What TensorBoard itself reads back."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder))
    found.Reload()
    assert [(point.step, point.value) for point in found.Scalars("validation/loss")] == [
        (epoch, pytest.approx(loss)) for epoch, loss in enumerate(losses, 1)
    ]


def test_a_terminal_keeps_a_row_per_epoch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Requirement 40, seen through a terminal emulator of 60 columns."""
    pyte = pytest.importorskip("pyte")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("cnnwiz.cli.progress.time.monotonic", iter(range(10_000)).__next__)
    show = Lines(live=True, quiet=False)
    started = Started("runs/a", "a", 100, "cpu", "float32", 1, 100, 10, 0, 3, 10, 10, 2, 0, 0)
    show.event(started)
    show.event(Phase(1, 2, 1, 10, 6, 8, 0.1, 0))
    for epoch in range(2):
        for step in range(1, 11):
            show.event(Step(epoch, step, 10, 10, 1.5))
        show.event(Epoch(epoch + 1, 0.1, 1.5, 0.25, 1.25, 0.5, 2.0, 50.0, True))
    show.event(Stopped("runs/a", 1, 10, 2))
    text = capsys.readouterr().err
    screen = pyte.Screen(60, 40)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    lines = [line.rstrip() for line in screen.display if line.strip()]

    assert all(
        len(piece) <= 60 for piece in text.replace("\x1b[K", "").replace("\n", "\r").split("\r") if "[#" in piece
    )
    assert [line.split()[0] for line in lines if "/2" in line and "[" not in line] == ["1/2", "2/2"]
    assert not any("[###" in line for line in lines), "the live line is gone"
    assert lines[-1] == "go on with: cnnwiz train --resume runs/a"
    assert any("] 10/10  1.5000  " in piece for piece in text.split("\r"))


@given(
    epochs=st.integers(1, 5),
    steps=st.integers(1, 12),
    second=st.floats(1e-3, 1e3),
    check=st.floats(0, 1e3),
    skipped=st.integers(0, 12),
)
def test_the_time_left_is_what_an_even_run_takes(epochs, steps, second, check, skipped):
    """Steps of `second` each and `check` for validation; another process made the first steps of the first epoch,
    perhaps all of them, and some images of an epoch are left out."""
    now = 1e6
    first = min(skipped, steps)
    with mock.patch("cnnwiz.cli.pace.time") as clock:
        clock.monotonic.side_effect = lambda: now
        pace = Pace(Started("runs/a", "a", 1, "cpu", "float32", 1, 10 * steps + 9, 0, 0, 2, 10, steps, epochs, 0, 0))
        for epoch in range(epochs):
            for step in range(first if epoch == 0 else 0, steps):
                now += second
                event = Step(epoch, step + 1, steps, 10, 0.5)
                pace.step(event)
                whole = epoch > (1 if first else 0)  # one epoch with its validation was seen from its beginning
                rest = (epochs - epoch - 1) * (steps * second + (check if whole else 0))
                assert pace.left(event) == pytest.approx((steps - step - 1) * second + rest, abs=1e-6)
                assert pace.images_per_second(event) == pytest.approx(10 / second, rel=1e-6)
            now += check
            pace.epoch()
        assert pace.left_behind(epochs) == 0


PIPED = """\
cnnwiz: 1
name: piped  # from a pipe
data: {source: digits}
model: {layers: [conv: {channels: 2}]}
training: {batch_size: 512, epochs: 1, precision: float32}
"""


def test_a_spec_from_a_pipe_is_read_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PIPED.encode())))
    with pytest.raises(SystemExit) as ended:
        main(["train", "-", "--run-dir", str(run), "--device", "cpu", "--workers", "0", "--quiet"])
    assert not ended.value.code
    assert (run / "written.yaml").read_text() == PIPED
    name, told = capsys.readouterr().out.splitlines()[-1].split(": ")
    assert name == f"files in {run}"
    assert set(told.split()) == {file.name for file in run.iterdir() if file.is_file()} - {".lock", "timing.jsonl"}


@pytest.mark.parametrize(("changed", "left"), [("", ["piped-1"]), ("from: nowhere, ", []), ("from: .., ", [])])
def test_a_run_that_cannot_begin_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, left: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(PIPED.replace("model: {", f"model: {{{changed}"))
    with pytest.raises(SystemExit) as ended:
        main(["train", "a.yaml", "--device", "cpu", "--workers", "0", "--quiet", "--no-lint"])

    assert bool(ended.value.code) == (not left)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == left


def test_the_result_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    show = Lines(live=False, quiet=True)
    show.event(Finished("runs/a", {"val_accuracy": 0.5, "test_accuracy": 0.25}, 61.0))
    told = capsys.readouterr()

    assert told.err == ""
    assert "done in 1 min 1 s" in told.out
    assert "0.2500" in told.out
    assert _minutes(5.04) == "5.0 s"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h30m", 9000), ("1d", 86400), ("0.5", 0.5)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text, "--max-time") == seconds


@pytest.mark.parametrize("text", ["", "soon", "1w", "-5", "5 m", "m5", "1e3", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(CnnwizError, match=r"--max-time .*: not a time"):
        seconds_of(text, "--max-time")
