"""A small part of each campaign of tests/campaigns, ranks against one process, what `cnnwiz train` says and leaves."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cnnwiz.training import checkpoint

sys.path.insert(0, str(Path(__file__).parent / "campaigns"))

import damage
import ranks
import storage
import survival
from lives import SPEC, TRAIN, Lives, result

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="lives are forked")

PLAIN = """
cnnwiz: 1
name: plain
augment: [random_crop: {padding: 1}]
model:
  layers:
    - conv: {channels: 8}
    - pool: {kernel: 2, stride: 2}
    - basic: {channels: 16}
optimizer: {sgd: {lr: 0.05}}
training: {batch_size: 126, epochs: 1, precision: float32MORE}
"""
"""Without draws of chance but those of images; 4 ranks share 126 images as 31, 32, 31 and 32."""


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    with Lives(tmp_path_factory.mktemp("lives")) as found:
        yield found


def write(lives: Lives, name: str, text: str) -> None:
    (lives.folder / name).write_text(text)


@pytest.mark.slow
def test_killed_stopped_and_contended_runs_end_alike(lives: Lives) -> None:
    assert "all identical" in survival.kills(lives, 3)
    assert "all identical" in survival.stops(lives, 1)
    assert "identical" in survival.claims(lives, 1)


def test_no_damaged_checkpoint_loads(lives: Lives) -> None:
    """The whole of each kind; that runs go back to the checkpoint before is a test of its own."""
    code = lives.train("damaged")
    assert code == 0, lives.said()
    assert "damaged copies refused" in damage.copies(lives, 200, random.Random(0))


@pytest.mark.slow
def test_limits_on_the_size_of_files(lives: Lives) -> None:
    assert "all went on" in storage.limits(lives, 3)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_ranks_compute_what_one_process_does(lives: Lives, count: int) -> None:
    """Weights, statistics and metrics behind an epoch agree up to the rounding of float32."""
    write(lives, "plain.yaml", PLAIN.replace("MORE", ""))
    command = ("train", "plain.yaml", *TRAIN[2:])
    assert lives.run(*command, "one") == 0, lives.said()
    pids = ranks.start(lives, f"of{count}", count, spec="plain.yaml")
    assert [lives.wait(pid) for pid in pids] == [0] * count, lives.said()

    alone, shared = (checkpoint.read(lives.folder / run / "last.safetensors")[0] for run in ("one", f"of{count}"))
    for name, tensor in alone.items():
        torch.testing.assert_close(shared[name], tensor, rtol=2e-3, atol=2e-4)
    lines = [json.loads((lives.folder / run / "metrics.jsonl").read_text()) for run in ("one", f"of{count}")]
    assert lines[1]["train_loss"] == pytest.approx(lines[0]["train_loss"], rel=1e-4)
    assert lines[1]["val_loss"] == pytest.approx(lines[0]["val_loss"], rel=1e-3)
    shutil.rmtree(lives.folder / "one")


@pytest.mark.slow
def test_batch_norm_of_each_rank_by_itself_is_another_computation(lives: Lives) -> None:
    """So the test above sees whether statistics are shared; the ranks still agree with themselves, bit by bit."""
    write(lives, "plain.yaml", PLAIN.replace("MORE", ", sync_batch_norm: false"))
    for run in ("apart", "again"):
        pids = ranks.start(lives, run, 2, spec="plain.yaml")
        assert [lives.wait(pid) for pid in pids] == [0, 0], lives.said()
    write(lives, "plain.yaml", PLAIN.replace("MORE", ""))
    assert lives.run("train", "plain.yaml", *TRAIN[2:], "together") == 0

    assert result(lives.folder / "apart") == result(lives.folder / "again")
    apart, together = (checkpoint.read(lives.folder / run / "last.safetensors")[0] for run in ("apart", "together"))
    assert not torch.allclose(apart["head.linear.weight"], together["head.linear.weight"], rtol=2e-3, atol=2e-4)


@pytest.mark.slow
def test_stopped_ranks_go_on_to_the_same_bits(lives: Lives) -> None:
    assert ranks.together(lives, "ranks") == [0, 0], lives.said()
    expected = result(lives.folder / "ranks")
    pids = ranks.start(lives, "interrupted", environment={"STOP_BEHIND": "13"})
    assert [lives.wait(pid) for pid in pids] == [143, 143], lives.said()
    assert ranks.together(lives, "interrupted") == [0, 0], lives.said()

    assert result(lives.folder / "interrupted") == expected


@pytest.mark.slow
def test_a_killed_rank_is_named(lives: Lives) -> None:
    assert "the killed rank named" in ranks.launched(lives, random.Random(0), 1)


def test_a_dry_run_estimates_and_leaves_nothing(lives: Lives) -> None:
    before = sorted(path.name for path in lives.folder.iterdir())
    code = lives.run("train", "short.yaml", "--no-lint", "--dry-run", "--json", "--device", "cpu", "--workers", "0")
    said = lives.said()
    assert code == 0, said
    told = json.loads(said[said.index("{") :])

    assert sorted(path.name for path in lives.folder.iterdir()) == [name for name in before if name != "log.txt"]
    assert told["steps"] == 40
    assert told["epochs"] == 4
    pixels = sum(side * side for side in (6, 8, 10, 10)) / 36  # each epoch as many of those at 6 px
    assert told["seconds_of_training"] == pytest.approx(10 * pixels * told["seconds_per_step"], abs=0.1)
    assert told["memory_bytes"] > 5e7
    assert told["checkpoint_bytes"] > 4 * 2 * told["parameters"]


def test_a_time_limit_saves_and_ends_as_sigterm_does(lives: Lives) -> None:
    assert lives.run(*TRAIN, "timed", "--max-time", "0.001s") == 143
    said = lives.said()
    assert "images were read" in said
    assert lives.train("timed", environment={"STOP_BEHIND": "5"}) == 143
    record = json.loads((lives.folder / "timed/run.json").read_text())
    assert record["status"] == "stopped"
    assert lives.run("train", "short.yaml", "--max-time", "soon") == 2
    assert "not a time" in lives.said()


def test_a_changed_spec_is_refused_with_the_difference(lives: Lives) -> None:
    assert lives.train("changed", environment={"STOP_BEHIND": "12"}) == 143
    run = lives.folder / "changed"
    lives.said()
    wider = SPEC.replace("channels: 8", "channels: 9")
    longer = SPEC.replace("epochs: 2, image_size: 10", "epochs: 3, image_size: 10")
    for name, text in (("wider.yaml", wider), ("longer.yaml", longer)):
        write(lives, name, text)
        assert lives.run("train", name, *TRAIN[2:], "changed") == 2
        said = lives.said()
        expected = {"wider.yaml": "model.layers[0].conv.channels: 8 -> 9", "longer.yaml": "phases[1].epochs: 2 -> 3"}
        assert expected[name] in said
        assert ("--accept-changes goes on" in said) == (name == "longer.yaml")
    assert lives.run("train", "wider.yaml", *TRAIN[2:], "changed", "--accept-changes") == 2
    assert lives.run("train", "longer.yaml", *TRAIN[2:], "changed", "--accept-changes") == 0, lives.said()

    assert len((run / "metrics.jsonl").read_text().splitlines()) == 5
    assert "phases[1].epochs: 2 -> 3" in json.loads((run / "run.json").read_text())["changes"][0]
    lives.said()
    (run / "spec.yaml").write_text((run / "spec.yaml").read_text().replace("lr: 0.05", "lr: 0.06"))
    assert lives.run("train", "--resume", "changed") == 2
    assert "optimizer.sgd.lr: 0.05 -> 0.06" in lives.said()


def test_without_any_good_checkpoint_nothing_begins_anew(lives: Lives) -> None:
    assert lives.train("lost", environment={"STOP_BEHIND": "25"}) == 143
    for path in (lives.folder / "lost/checkpoints").iterdir():
        path.write_bytes(b"")
    for _ in range(2):  # the second time it must not find an empty folder
        lives.said()
        assert lives.train("lost") == 4
        assert "every checkpoint is damaged" in lives.said()
    shutil.rmtree(lives.folder / "lost/checkpoints")
    assert lives.train("lost") == 4


def test_changed_images_are_refused(lives: Lives) -> None:
    from test_training_exact import photos

    photos(lives.folder / "photos")
    data = "data: {source: {folder: {path: photos}}, image_size: 12}\n"
    text = SPEC[: SPEC.index("phases:")].replace("batch_size: 128", "batch_size: 32")
    write(lives, "photos.yaml", text + data)
    command = ("train", "photos.yaml", *TRAIN[2:], "of-photos")
    assert lives.run(*command, environment={"STOP_BEHIND": "3"}) == 143, lives.said()
    next((lives.folder / "photos/train/dark").iterdir()).unlink()
    lives.said()
    assert lives.run(*command) == 2
    assert "the images changed since this run began (train 144 -> 143" in lives.said()
