"""Training of embeddings: splits by class, what the loss owns, exact resumption, verification on classes never seen."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_data_sources import archive
from test_training_exact import finish, parsed, result

from cnnwiz.catalog.source import Digits, Folder
from cnnwiz.data.disjoint import by_class
from cnnwiz.data.prepare import prepare
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import evaluate
from cnnwiz.nn.network import build
from cnnwiz.spec.document import Data, Validation
from cnnwiz.training.checkpoint import read
from cnnwiz.training.evaluate import scores
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run
from cnnwiz.training.verify import verify

SPEC = """
cnnwiz: 1
name: small
task: embed
data: {data}
model:
  layers:
    - conv: {{channels: 8}}
    - pool: {{kernel: 2, stride: 2}}
    - conv: {{channels: 16}}
  head: {{embedding: {{features: 16, flatten: true}}}}
loss: {loss}
optimizer: {{adamw: {{lr: 0.003}}}}
regularization: {{l2: {{}}}}
training: {{batch_size: 128, epochs: {epochs}, precision: float32{more}}}
"""
PK = ", sampler: {pk: {classes: 8, images: 16}}"
LOSSES = {
    "triplet": ("triplet", PK),
    "batch_hard": ("{triplet: {mining: batch_hard}}", PK),
    "center": ("{center: {weight: 0.1}}", ", micro_batch: 50, ema: 0.9"),
    "a_softmax": ("{a_softmax: {gamma: 10.0}}", ""),
    "cross_entropy": ("cross_entropy", ""),
}


def spec_of(loss: str, data: str = "{}", epochs: int = 2, more: str = ""):
    text, needs = LOSSES[loss]
    return parsed(SPEC.format(loss=text, data=data, epochs=epochs, more=needs + more))


# Splits by class


def faces(root: Path, train: int = 8, test: int = 2) -> Folder:
    """People p0, p1, ... with 3 images each; an image's grey level is its person's number times 10."""
    for person in range(train + test):
        folder = root / ("train" if person < train else "test") / f"p{person}"
        folder.mkdir(parents=True)
        for number in range(3):
            Image.new("L", (6, 6), person * 10).save(folder / f"{number}.png")
    return Folder(path=str(root))


def test_people_are_in_one_split_only_and_numbered_behind_the_trained_ones(tmp_path):
    data = Data(source=faces(tmp_path), channels=1, split="classes", validation=Validation(fraction=0.25))
    found = prepare(data, 6, 0)
    people = {}
    for name in ("train", "validation", "test"):
        pixels = getattr(found, name)
        levels = pixels.batch(np.arange(len(pixels)))[:, 0, 0, 0] // 10
        people[name] = dict(zip(levels.tolist(), pixels.labels.tolist(), strict=True))
    assert [len(people[name]) for name in people] == [6, 2, 2]
    assert len(people["train"] | people["validation"] | people["test"]) == 10
    assert set(people["test"]) == {8, 9}
    assert found.classes == tuple(f"p{person}" for person in sorted(people["train"]))
    numbers = sorted(label for split in people.values() for label in split.values())
    assert numbers == list(range(10))
    assert all(label < 6 for label in people["train"].values())
    counts = found.fingerprint["images"]
    assert counts["validation"] == {f"p{p}": 3 * (p in people["validation"]) for p in range(10)}
    assert any("2 of 8 classes" in notice for notice in found.notices)


def test_images_of_trained_classes_leave_the_test(tmp_path):
    records = by_class(Digits().build(), 0.3, 0)
    assert len(records.classes) == 7
    assert set(records.train.labels) == set(range(7))
    for split in (records.validation, records.test):
        assert split is not None
        assert set(split.labels) == {7, 8, 9}
    original = Digits().build()
    names = np.array([*records.classes, *records.unseen])
    assert original.test is not None
    assert records.test is not None
    kept = np.isin(original.test.labels, [int(name) for name in records.unseen])
    assert (names[records.test.labels].astype(int) == original.test.labels[kept]).all()
    assert any("test images are left out" in notice for notice in records.notices)


def test_too_few_classes_to_set_some_aside(tmp_path):
    data = Data(source=faces(tmp_path, train=3), channels=1, split="classes")
    with pytest.raises(CnnwizError, match="needs 4 or more, not 3"):
        prepare(data, 6, 0)


def test_other_people_in_the_test_need_the_split_by_classes(tmp_path):
    with pytest.raises(CnnwizError, match=r"'p8', 'p9' is in test but none in train.*data\.split: classes"):
        prepare(Data(source=faces(tmp_path), channels=1), 6, 0)


# Training


@pytest.mark.parametrize("loss", LOSSES)
def test_resumed_run_equals_the_uninterrupted_one(tmp_path, loss):
    spec = spec_of(loss)
    finish(Run.create(tmp_path / "whole", spec))
    for stop_at in (3, 12):
        steps = iter(range(1, 1000))
        with Run.create(tmp_path / str(stop_at), spec) as run:
            events = list(
                fit(run, device="cpu", stop=lambda steps=steps, at=stop_at: signal.SIGTERM * (next(steps) == at))
            )
        assert type(events[-1]).__name__ == "Stopped"
        finish(Run.reopen(tmp_path / str(stop_at)))
        assert result(tmp_path / str(stop_at)) == result(tmp_path / "whole")
        kept = [read(max((tmp_path / name / "checkpoints").iterdir()))[0] for name in ("whole", str(stop_at))]
        assert kept[0].keys() == kept[1].keys()
        assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_what_the_loss_owns_is_trained_and_kept_but_not_shipped(tmp_path):
    spec = spec_of("center", epochs=1)
    with Run.create(tmp_path / "run", spec) as run:
        list(fit(run, device="cpu"))
    tensors, state = read(max((tmp_path / "run/checkpoints").iterdir()))
    assert {name for name in tensors if name.startswith("loss.")} == {
        "loss.centres",
        "loss.classifier.weight",
        "loss.classifier.bias",
    }
    torch.manual_seed(spec.training.seed)
    fresh = spec.loss.build(10, 16).state_dict()
    for name, start in fresh.items():
        assert not torch.equal(tensors[f"loss.{name}"], start), name
    # The optimizer holds the network and the classifier; the centres move by their own rule.
    assert (
        len(state["optimizer"])
        == sum(
            1 for name in tensors if name.startswith("model.") and "running" not in name and "num_batches" not in name
        )
        + 2
    )
    shipped, _ = read(tmp_path / "run/best.safetensors")
    assert shipped.keys() == {name[6:] for name in tensors if name.startswith("model.")}


@pytest.mark.parametrize("loss", ["triplet", "center", "a_softmax", "cross_entropy"])
def test_training_tells_classes_apart_and_leaves_what_the_contract_names(tmp_path, loss):
    """On classes that training has seen, against the same network before it is trained (AUC 0.78, neighbours 0.81)."""
    spec = spec_of(loss, epochs=4)
    untrained = prepare(spec.data, 8, 0)
    assert untrained.test is not None
    start = verify(*scores(build(spec), untrained.test, untrained.preprocessing))
    with Run.create(tmp_path / "run", spec) as run:
        list(fit(run, device="cpu"))
    record = json.loads((tmp_path / "run/run.json").read_text())
    metrics = record["metrics"]
    names = {"accuracy", "auc", "tar", "tar_1e3", "knn_accuracy"}
    assert set(metrics) == {f"{split}_{name}" for split in ("val", "test") for name in names}
    assert start["auc"] is not None
    assert start["accuracy"] is not None
    assert metrics["test_auc"] > start["auc"] + 0.1
    assert metrics["test_knn_accuracy"] == metrics["test_accuracy"] > start["accuracy"] + 0.05
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert {"val_loss": None, "train_accuracy": None}.items() <= lines[0].items()
    assert record["best"]["val_auc"] == max(line["val_auc"] for line in lines)

    measured = evaluate(tmp_path / "run", "test", device="cpu").measured
    assert {f"test_{name}": measured[name] for name in names}.items() <= metrics.items()


def test_digits_never_seen_are_told_apart(tmp_path):
    """Three of the ten digits are kept from training; 0.5 is what chance reaches."""
    text = SPEC.format(
        loss="triplet",
        data="{split: classes, validation: {fraction: 0.3}}",
        epochs=4,
        more=", sampler: {pk: {classes: 4, images: 32}}",
    )
    with Run.create(tmp_path / "run", parsed(text)) as run:
        list(fit(run, device="cpu"))
        assert run.spec.data.classes == 7
        assert run.record["metrics"]["test_auc"] > 0.7
    assert evaluate(tmp_path / "run", "validation", device="cpu").measured["auc"] == run.record["metrics"]["val_auc"]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (("task: embed", "task: classify"), "CNN228"),
        (("loss: triplet", "loss: hinge"), "CNN313"),
        ((PK, ""), "CNN311"),
        (("batch_size: 128", "batch_size: 64"), "CNN312"),
        (("batch_size: 128", "batch_size: 128, micro_batch: 32"), "CNN322"),
    ],
)
def test_what_cannot_be_trained_is_refused_also_without_lint(tmp_path, edit, code):
    text = SPEC.format(loss="triplet", data="{}", epochs=1, more=PK).replace(*edit)
    with Run.create(tmp_path / "run", parsed(text)) as run, pytest.raises(CnnwizError, match=code):
        list(fit(run, device="cpu"))


@pytest.mark.slow
def test_people_never_seen_are_told_apart(tmp_path):
    """ORL faces: 24 people to train on, 6 to choose the epoch by, 10 others to be told apart.

    The bar is the untrained network (0.869 for this seed), for chance's 0.5 says nothing: likeness of grey values alone
    reaches 0.913. After 6 epochs seeds 0 and 2 gain 0.05, seed 1 nothing.
    """
    people = archive("orl_faces", tmp_path) / "orl_faces"
    for split, numbers in (("train", range(1, 31)), ("test", range(31, 41))):
        (tmp_path / "faces" / split).mkdir(parents=True)
        for number in numbers:
            shutil.move(people / f"s{number}", tmp_path / "faces" / split)
    template = (Path(__file__).parents[1] / "templates/faces.yaml").read_text()
    text = template.replace("data/faces", str(tmp_path / "faces")).replace("epochs: 40", "epochs: 6")
    spec = parsed(text)
    people_apart = prepare(spec.data, 48, 0)
    assert people_apart.test is not None
    start = verify(*scores(build(spec), people_apart.test, people_apart.preprocessing))["auc"]
    assert start is not None
    with Run.create(tmp_path / "run", spec) as run:
        list(fit(run, device="cpu"))
        assert run.record["metrics"]["test_auc"] > start + 0.02
