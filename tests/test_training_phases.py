"""Phases: sizes, rates and steps by hand, lines that rest, statistics measured anew, other weights, resumption."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnwiz.data.loader import resized
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of, input_shape
from cnnwiz.nn.network import build
from cnnwiz.spec import Spec, parse_text
from cnnwiz.spec.stages import sides, stages
from cnnwiz.training import checkpoint
from cnnwiz.training.loop import fit
from cnnwiz.training.optimize import parameter_groups
from cnnwiz.training.phases import plan, renew_statistics, stage_at
from cnnwiz.training.run import Run

TEXT = """
cnnwiz: 1
name: short
augment: [random_crop: {padding: 1}]
model:
  FROM
  layers:
    - conv: {channels: 8}
    - pool: {kernel: 2, stride: 2}
    - basic: {channels: 8}
optimizer: {sgd: {lr: 0.1}}
training: {batch_size: 128, epochs: 2, ema: 0.9, precision: float32MORE}
phases:
  - {image_size: 8, grow_from: 6}
  - {epochs: 1, image_size: 12, lr: 0.01, freeze: 2, batch_size: 64, schedule: constant}
"""


def spec_of(text: str = TEXT, more: str = "", origin: str = "") -> Spec:
    text = text.replace("MORE", more).replace("  FROM\n", f"  from: {origin}\n" if origin else "")
    document = parse_text(text)
    assert document.spec, document.findings
    return document.spec


def train(path: Path, spec: Spec) -> Path:
    with Run.create(path, spec) as run:
        for _ in fit(run, device="cpu"):
            pass
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of both phases."""
    return train(tmp_path_factory.mktemp("phases") / "whole", spec_of())


def test_phases_have_their_epochs_steps_sizes_and_rates() -> None:
    spec = spec_of()
    first, second = plan(spec, lambda part: 1293 // part.training.batch_size)

    assert (first.sides, second.sides) == ((6, 8), (12,))
    assert (first.steps, second.steps) == (10, 20)
    assert (first.end, second.first_epoch, second.first_step, second.end) == (2, 2, 20, 3)
    assert [stage_at((first, second), epoch).number for epoch in range(3)] == [0, 0, 1]
    assert [first.rate(step) for step in range(20)] == pytest.approx([0.1 * (1 - (i + 0.5) / 20) for i in range(20)])
    assert {second.rate(step) for step in range(20, 40)} == {0.01}
    assert sum(stage.training.epochs for stage in stages(spec)) == 3
    assert input_shape(spec) == (1, 12, 12)


@pytest.mark.parametrize(
    ("grow_from", "last", "epochs", "expected"),
    [(128, 192, 5, (128, 140, 158, 176, 192)), (None, 32, 3, (32, 32, 32)), (6, 8, 1, (8,)), (16, 32, 3, (16, 24, 32))],
)
def test_images_grow_evenly_and_end_at_their_size(grow_from, last, epochs, expected) -> None:
    phase = spec_of().phases[0].model_copy(update={"grow_from": grow_from})

    found = sides(phase, epochs, last)
    assert found[-1] == last
    assert len(found) == epochs
    start, step = grow_from or last, max(last // 32, 1)
    even = [start + (last - start) * epoch / max(epochs - 1, 1) for epoch in range(epochs - 1)]
    assert all(
        exact - step < side <= exact and (side - start) % step == 0 for side, exact in zip(found, even, strict=False)
    )
    assert found == expected


def test_smaller_canvases_are_what_pillow_makes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 40, 40), dtype=np.uint8)
    made = resized(torch.from_numpy(images), 24).permute(0, 2, 3, 1).numpy().astype(int)

    for image, mine in zip(images, made, strict=True):
        pillow = Image.fromarray(image.transpose(1, 2, 0)).resize((24, 24), Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(pillow).astype(int) - mine).max() <= 1


def test_frozen_lines_rest_and_the_others_learn(whole: Path) -> None:
    """The checkpoint at the end of the first phase is still there: two are kept."""
    before, after = (checkpoint.read(path)[0] for path in sorted((whole / "checkpoints").iterdir()))
    same = {name for name, tensor in before.items() if name.startswith("model.") and torch.equal(tensor, after[name])}
    frozen = {name for name in before if name.startswith("model.layers.0.")}
    statistics = {name for name in frozen if "running" in name or "num_batches" in name}

    # At the beginning of the phase the size changed: there the statistics of all lines are measured anew.
    assert frozen - statistics <= same
    assert not any(name.startswith(("model.layers.2.conv", "model.head.")) for name in same)


@pytest.mark.parametrize("stop_at", [20, 21, 39])
def test_resumption_across_a_change_of_phase(tmp_path: Path, whole: Path, stop_at: int) -> None:
    steps = iter(range(1, 1000))
    with Run.create(tmp_path / "parts", spec_of()) as run:
        list(fit(run, device="cpu", stop=lambda: signal.SIGTERM if next(steps) == stop_at else 0))
    with Run.reopen(tmp_path / "parts") as run:
        list(fit(run, device="cpu"))

    for name in ("metrics.jsonl", "last.safetensors", "best.safetensors"):
        assert (tmp_path / "parts" / name).read_bytes() == (whole / name).read_bytes()


def test_statistics_are_those_of_the_images() -> None:
    from cnnwiz.data.loader import Batch
    from cnnwiz.training.device import choose_device

    spec = spec_of()
    network = build(spec)
    images = [torch.randn(64, 1, 12, 12, generator=torch.Generator().manual_seed(n)) * 3 + 1 for n in range(5)]
    batches = (Batch(part, torch.zeros(64), torch.zeros(64)) for part in images)
    renew_statistics(network, batches, choose_device("cpu", "float32"), 64, 0)

    norm = network.get_submodule(next(node.name for node in network.graph.nodes if node.kind == "batch"))
    outputs = [network.get_submodule("layers.0.conv")(part) for part in images]
    means = torch.stack([out.mean((0, 2, 3)) for out in outputs]).mean(0)
    variances = torch.stack([out.transpose(0, 1).flatten(1).var(1) for out in outputs]).mean(0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)


def test_the_same_weights_serve_every_size() -> None:
    spec = spec_of()
    small = spec.model_copy(update={"phases": ()})

    assert graph_of(spec).parameters == graph_of(small).parameters
    assert build(spec).eval()(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_weights_of_another_run_come_along_with_a_new_head(tmp_path: Path, whole: Path) -> None:
    from cnnwiz.training.transfer import take_over

    there, about = checkpoint.read(whole / "best.safetensors")
    spec = spec_of(origin=str(whole))
    same, other = build(spec, seed=7), build(spec, seed=7)
    told = take_over(whole, same, tuple(about["classes"]))
    assert "head too" in told
    assert all(torch.equal(tensor, there[name]) for name, tensor in same.state_dict().items())

    fresh = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    assert "new head" in take_over(whole, other, ("a", "b"))
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, fresh[name] if name.startswith("head.") else there[name])

    wider = parse_text(TEXT.replace("  FROM\n", "").replace("MORE", "").replace("channels: 8", "channels: 12")).spec
    assert wider
    with pytest.raises(CnnwizError, match="shape") as caught:
        take_over(whole, build(wider), tuple(about["classes"]))
    assert caught.value.code == 2
    with pytest.raises(CnnwizError, match="does not exist"):
        take_over(tmp_path, same, ())


def test_a_run_from_another_begins_where_that_ended(tmp_path: Path, whole: Path) -> None:
    """At a learning rate of almost nothing the first epoch is as good as the other run was."""
    text = TEXT[: TEXT.index("phases:")].replace("lr: 0.1", "lr: 1.0e-12").replace("epochs: 2", "epochs: 1")
    spec = spec_of(text.replace("training:", "data: {image_size: 12}\ntraining:"), origin=str(whole))
    run = train(tmp_path / "again", spec)

    there = checkpoint.read(whole / "best.safetensors")[0]
    here = checkpoint.read(run / "last.safetensors")[0]
    for name, tensor in here.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(tensor, there[name], rtol=0, atol=1e-6)


def test_rates_fall_towards_the_input() -> None:
    spec = spec_of(more=", layer_decay: 0.5")
    network = build(spec)
    groups = parameter_groups(network, graph_of(spec), spec)
    factor = {id(parameter): group["depth_factor"] for group in groups for parameter in group["params"]}
    found = {name: factor[id(parameter)] for name, parameter in network.named_parameters()}

    for name, value in found.items():
        line = {"layers.0": 0.125, "layers.2": 0.5, "head": 1.0}
        assert value == next(share for prefix, share in line.items() if name.startswith(prefix)), name
