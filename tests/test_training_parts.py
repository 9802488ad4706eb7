"""The parts of training, each against a closed form or another library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnwiz.errors import CnnwizError
from cnnwiz.spec import parse_text
from cnnwiz.training import checkpoint, files
from cnnwiz.training.average import Average
from cnnwiz.training.device import choose_device
from cnnwiz.training.loop import fit
from cnnwiz.training.optimize import learning_rate
from cnnwiz.training.places import next_run_dir
from cnnwiz.training.run import Run
from cnnwiz.training.state import Progress

TINY = """
cnnwiz: 1
name: tiny
model: {layers: [conv: {channels: 4, norm: none}, pool: {kernel: 8, stride: 8, padding: 0}]}
optimizer: {sgd: {lr: LR}}
training: {batch_size: BATCH, epochs: EPOCHS, precision: float32MORE}
"""


def tiny(lr: float = 0.01, batch: int = 256, epochs: int = 1, more: str = ""):
    text = TINY.replace("LR", str(lr)).replace("BATCH", str(batch)).replace("EPOCHS", str(epochs)).replace("MORE", more)
    document = parse_text(text)
    assert document.spec, document.findings
    return document.spec


def train(path: Path, spec) -> Run:
    with Run.create(path, spec) as run:
        for _ in fit(run, device="cpu"):
            pass
    return run


def test_average_follows_its_formula() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    average = Average(network, 0.9)
    expected = network.weight.detach().clone()
    for step in range(20):
        with torch.no_grad():
            network.weight.add_(torch.randn(2, 3))
        average.update(network, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network.weight.detach()

    torch.testing.assert_close(average.network.weight, expected)


def test_learning_rate_is_read_at_the_middle_of_each_step() -> None:
    spec = tiny(lr=0.4, epochs=2)
    rates = [learning_rate(spec, step, 5) for step in range(10)]

    assert rates == pytest.approx([0.4 * (1 - (step + 0.5) / 10) for step in range(10)])


def test_micro_batches_change_only_rounding(tmp_path: Path) -> None:
    """Without batch norm and dropout the sum of weighted micro-batch gradients is the gradient of the batch."""
    weights = []
    for name, more in (("whole", ""), ("parts", ", micro_batch: 100")):
        train(tmp_path / name, tiny(more=more))
        weights.append(checkpoint.read(tmp_path / name / "last.safetensors")[0])

    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-4, atol=1e-6)
        assert tensor.isfinite().all()


def test_better_or_equal_epochs_are_best() -> None:
    progress = Progress()

    assert [progress.finish_epoch(i, accuracy) for i, accuracy in enumerate([0.5, 0.7, 0.7, 0.6])] == [
        True,
        True,
        True,
        False,
    ]
    assert progress.best_epoch == 2


def test_a_run_leaves_what_the_contract_names(tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny())
    record = json.loads((run.path / "run.json").read_text())
    (line,) = [json.loads(text) for text in (run.path / "metrics.jsonl").read_text().splitlines()]

    assert set(record["metrics"]) == {"val_loss", "val_accuracy", "test_loss", "test_accuracy"}
    assert record["status"] == "finished"
    assert {"versions", "git", "seed", "device", "data", "seconds", "best", "last"} <= set(record)
    assert set(line) == {"epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    assert {path.name for path in run.path.iterdir()} == {
        ".lock",
        "best.safetensors",
        "checkpoints",
        "last.safetensors",
        "metrics.jsonl",
        "run.json",
        "spec.yaml",
        "timing.jsonl",
    }


def test_diverging_loss_stops_with_code_3(tmp_path: Path) -> None:
    with pytest.raises(CnnwizError, match="not finite") as caught:
        train(tmp_path / "run", tiny(lr=100, batch=32, epochs=9))

    assert caught.value.code == 3


def test_second_process_is_refused_with_code_5(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run", tiny()), pytest.raises(CnnwizError, match="in use by another process") as caught:
        Run.create(tmp_path / "run", tiny())

    assert caught.value.code == 5


def test_run_directories_are_numbered(tmp_path: Path) -> None:
    assert next_run_dir(tmp_path, "a") == tmp_path / "a-1"
    (tmp_path / "a-1").mkdir()
    assert next_run_dir(tmp_path, "a") == tmp_path / "a-2"


def test_flipped_bits_and_truncation_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    tensors = {"a": torch.randn(40), "b": torch.arange(5), "c": torch.tensor(2.0, dtype=torch.bfloat16)}
    checkpoint.write(path, tensors, {"step": 3, "value": 0.1})
    good = path.read_bytes()
    read, metadata = checkpoint.read(path)
    assert metadata == {"step": 3, "value": 0.1}
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())

    for place in range(0, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        with pytest.raises(CnnwizError) as caught:
            checkpoint.read(path)
        assert caught.value.code == 4
    for length in range(0, len(good), 13):
        path.write_bytes(good[:length])
        with pytest.raises(CnnwizError):
            checkpoint.read(path)


def test_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny())
    newest = max(run.checkpoints.iterdir())
    newer = run.checkpoints / "step-000000099.safetensors"
    newer.write_bytes(newest.read_bytes()[:-3])
    with Run.reopen(run.path) as again:
        found = again.latest_checkpoint()

    assert found is not None
    assert "going back" in found[2][0]
    assert (run.checkpoints / "step-000000099.safetensors.bad").exists()


def test_nothing_half_written_when_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.write(path, {"a": torch.zeros(3)}, {})
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_sync", refuse)
    with pytest.raises(CnnwizError, match="no space left") as caught:
        checkpoint.write(path, {"a": torch.ones(3)}, {})

    assert caught.value.code == 4
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.safetensors"]


def test_precision_is_obeyed_or_refused() -> None:
    assert choose_device("cpu", "float32").precision == "float32"
    with pytest.raises(CnnwizError, match="float16 needs a CUDA device"):
        choose_device("cpu", "float16")
    with pytest.raises(CnnwizError, match="no such device"):
        choose_device("tpu", "auto")
