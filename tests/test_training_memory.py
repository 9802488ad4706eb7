"""Batches in parts: where memory is short, only if the result is the same, and alike when a run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnnwiz.spec import parse_text
from cnnwiz.training import memory
from cnnwiz.training.events import Notice
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run

TEXT = """
cnnwiz: 1
name: parts
model:
  defaults: {{norm: {norm}}}
  layers: [{{conv: {{channels: 4}}}}, {{pool: {{kernel: 2, stride: 2}}}}]
  head: flatten
optimizer: {{sgd: {{lr: 0.05}}}}
training: {{batch_size: 128, epochs: {epochs}, precision: float32{more}}}
"""


def spec_of(norm: str = "none", more: str = "", epochs: int = 1):
    document = parse_text(TEXT.format(norm=norm, more=more, epochs=epochs))
    assert document.spec, [finding.message for finding in document.findings]
    return document.spec


def trained(path: Path, spec, stop=lambda: 0) -> tuple[list[str], Run]:
    with Run.create(path, spec) as run:
        told = [event.text for event in fit(run, "cpu", stop=stop) if isinstance(event, Notice)]
    return told, run


def weights(path: Path) -> dict[str, torch.Tensor]:
    from cnnwiz.training.checkpoint import read

    return read(path / "last.safetensors")[0]


def activations(spec) -> int:
    from cnnwiz.graph import graph_of

    return int(memory.NEEDED["float32"] * graph_of(spec, 10).activation_bytes)


@pytest.mark.parametrize(("images", "parts"), [(128, 1), (127, 2), (64, 2), (20, 8), (0, 128)])
def test_as_many_parts_as_memory_needs(tmp_path, monkeypatch, images, parts):
    spec = spec_of()
    monkeypatch.setattr(memory, "available_memory", lambda: images * activations(spec))
    told, run = trained(tmp_path / "run", spec)
    assert run.record["parts"] == ({} if parts == 1 else {"0": parts})
    assert [f"computed {128 // parts} at a time" in text for text in told] == ([] if parts == 1 else [True])


def test_parts_compute_what_the_whole_does(tmp_path, monkeypatch):
    spec = spec_of()
    trained(tmp_path / "whole", spec)
    monkeypatch.setattr(memory, "available_memory", lambda: 40 * activations(spec))
    trained(tmp_path / "parts", spec)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, atol=1e-5, rtol=1e-4)


def test_a_run_goes_on_in_the_parts_it_began_with(tmp_path, monkeypatch):
    spec = spec_of(epochs=2)
    monkeypatch.setattr(memory, "available_memory", lambda: 40 * activations(spec))
    trained(tmp_path / "whole", spec)
    steps = iter(range(1, 1000))
    trained(tmp_path / "run", spec, lambda: 15 * (next(steps) == 4))
    monkeypatch.setattr(memory, "available_memory", lambda: 10**15)
    with Run.reopen(tmp_path / "run") as run:
        list(fit(run, "cpu"))
    for name in ("last.safetensors", "metrics.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_batch_norm_is_not_parted_unasked(tmp_path, monkeypatch):
    spec = spec_of("batch")
    monkeypatch.setattr(memory, "available_memory", lambda: 40 * activations(spec))
    told, run = trained(tmp_path / "run", spec)
    assert run.record["parts"] == {}
    assert "batch norm would see fewer images" in told[0]
    assert "training.micro_batch: 32" in told[0]


def test_a_micro_batch_of_the_spec_is_taken_as_it_is(tmp_path, monkeypatch):
    spec = spec_of("batch", ", micro_batch: 64")
    monkeypatch.setattr(memory, "available_memory", lambda: 0)
    told, run = trained(tmp_path / "run", spec)
    assert told == []
    assert run.record["parts"] == {}
