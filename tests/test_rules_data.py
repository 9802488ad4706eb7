"""Rules that look at data and count steps: against folders made for them, naive counts, and the training itself."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnwiz
from cnnwiz.data.listing import MOST, Listing, list_folder
from cnnwiz.graph import graph_of
from cnnwiz.rules import check
from cnnwiz.rules.samples import FOLDER, SIGNATURE, pictures
from cnnwiz.rules.steps import training_images, training_steps, validation_images
from cnnwiz.rules.subject import subject_of
from cnnwiz.spec import Spec, parse_text

NAMED = {"train": None, "validation": None, "test": None}
BASE = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 4}\n"


def laid(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def spec_of(text: str) -> Spec:
    document = parse_text(text)
    assert document.spec is not None, document.findings
    return document.spec


def codes(text: str) -> dict[str, str]:
    return {finding.code: finding.message for finding in check(parse_text(text))}


def listing_of(root: Path) -> Listing:
    found = list_folder(root, NAMED, None)
    assert found is not None
    return found


def test_equal_files_across_splits_are_paired_as_a_naive_comparison_pairs_them(tmp_path: Path) -> None:
    files = pictures({"train/a": 5, "train/b": 5, "test/a": 3, "val/b": 2})
    files["photos/test/b/one.png"] = files["photos/train/a/3.png"]
    files["photos/val/a/two.png"] = files["photos/train/b/0.png"]
    files["photos/val/a/empty.png"] = files["photos/train/b/empty.png"] = b""
    laid(tmp_path, files)
    naive = {
        (first.removeprefix("photos/"), second.removeprefix("photos/"))
        for first in files
        for second in files
        if first.startswith("photos/train") and not second.startswith("photos/train")
        if files[first] == files[second] and files[first]
    }
    assert (
        set(listing_of(tmp_path / "photos").duplicates())
        == naive
        == {
            ("train/a/3.png", "test/b/one.png"),
            ("train/b/0.png", "val/a/two.png"),
        }
    )


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_images_of_every_format_begin_as_images(format: str, tmp_path: Path) -> None:
    from PIL import Image

    suffix = {"JPEG": "jpg", "TIFF": "tif"}.get(format, format.lower())
    (tmp_path / "a").mkdir()
    Image.new("RGB", (4, 4), "red").save(tmp_path / "a" / f"x.{suffix}", format)
    (tmp_path / "a" / f"page.{suffix}").write_bytes(b"<!DOCTYPE html>")
    (tmp_path / "a" / f"empty.{suffix}").write_bytes(b"")
    assert listing_of(tmp_path).unreadable() == [f"a/empty.{suffix}", f"a/page.{suffix}"]


def test_what_a_folder_shows_is_found_and_silent_when_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    laid(tmp_path, pictures({"train/cats": 600, "train/dogs": 9, "val/cats": 5, "val/birds": 5}))
    (tmp_path / "photos" / "train" / "cats" / "bad.jpg").write_bytes(b"404")
    shutil.copy(tmp_path / "photos/train/cats/7.png", tmp_path / "photos/val/cats/again.png")
    found = codes(FOLDER)
    assert {"CNN111", "CNN113", "CNN114", "CNN115"} <= set(found)
    assert "'cats' has 601 images and 'dogs' 9" in found["CNN111"]
    assert "train/cats/7.png and val/cats/again.png" in found["CNN113"]
    assert "train/cats/bad.jpg" in found["CNN114"]
    shutil.rmtree(tmp_path / "photos")
    assert not {"CNN111", "CNN112", "CNN113", "CNN114", "CNN115"} & set(codes(FOLDER))


def test_large_folders_are_left_to_other_commands_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnwiz.data.listing.MOST", 20)
    laid(tmp_path, pictures({"a": 15, "b": 15, "c": 15}))
    assert list_folder(tmp_path / "photos", NAMED, None) is None
    assert MOST == 10_000


@pytest.mark.slow
def test_listing_as_many_files_as_are_looked_at_costs_less_than_a_second(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2_000):
            (tmp_path / name / f"{number}.png").write_bytes(SIGNATURE)
    began = time.process_time()
    found = listing_of(tmp_path)
    assert (len(found.train["a"]), found.unreadable(), found.duplicates()) == (2_000, [], [])
    assert time.process_time() - began < 1


@given(
    batch=st.integers(8, 400),
    epochs=st.integers(1, 9),
    fraction=st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.7]),
    later=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_steps_are_those_of_a_loop_over_epochs(batch: int, epochs: int, fraction: float, later: int) -> None:
    text = (
        f"{BASE}data: {{validation: {{fraction: {fraction}}}}}\ntraining: {{batch_size: {batch}, epochs: {epochs}}}\n"
    )
    if later:
        text += f"phases: [{{}}, {{epochs: {later}, batch_size: 16}}]\n"
    subject = subject_of(spec_of(text))
    images = 1_438 - round(1_438 * fraction)
    assert training_images(subject) == images
    assert validation_images(subject) == 1_438 - images
    steps = 0
    for length, size in [(epochs, batch), (later, 16)]:
        for _ in range(length):
            steps += max(len(range(0, images - size + 1, size)), 1)
    assert training_steps(subject) == steps


def test_images_and_steps_are_those_that_training_takes(tmp_path: Path) -> None:
    spec = spec_of(f"{BASE}training: {{batch_size: 100, epochs: 1}}\n")
    record = cnnwiz.train(spec, tmp_path / "run")
    images = record["data"]["images"]
    counted = training_images(subject_of(spec))
    assert counted is not None
    trained = sum(images["train"].values())
    assert abs(counted - trained) <= 5  # each of ten classes is rounded by itself
    assert training_steps(subject_of(spec)) == trained // 100


@given(st.integers(1, 7), st.integers(1, 3), st.integers(1, 2), st.integers(0, 4), st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_idle_weights_are_those_that_change_nothing(
    kernel: int, stride: int, dilation: int, padding: int, side: int
) -> None:
    text = (
        f"cnnwiz: 1\ndata: {{image_size: {side}}}\nmodel:\n  defaults: {{norm: none}}\n  layers:\n"
        f"    - conv: {{channels: 1, kernel: {kernel}, stride: {stride}, padding: {padding}, dilation: {dilation}}}\n"
    )
    graph = graph_of(spec_of(text))
    if graph.finding:
        return
    import torch
    from torch.nn.functional import conv2d

    weight = torch.ones(1, 1, kernel, kernel, requires_grad=True)
    conv2d(torch.rand(1, 1, side, side) + 1, weight, None, stride, padding, dilation).sum().backward()
    assert weight.grad is not None
    used = int((weight.grad > 0).sum())
    message = codes(text).get("CNN242")
    assert (message is None) == (used == kernel**2 or padding == 0)
    if message:
        assert f"of the {kernel**2} weights of this window only {used} ever meet" in message


@given(st.floats(0, 1))
def test_wrong_labels_cost_a_quarter_of_a_point_for_each_percent(share: float) -> None:
    text = f"{BASE}data: {{audit: {{label_errors: {share:.6f}}}}}\n"
    found = {f.code: f for f in check(parse_text(text))}.get("CNN117")
    share = float(f"{share:.6f}")
    assert (found is None) == (share < 0.02)
    if found:
        assert found.severity == ("error" if share >= 0.15 else "warning" if share >= 0.05 else "info")
        assert f"costs about {25 * share:.1f} points" in found.message
        assert f"{math.exp(math.log(2) * 25 * share / 4.6):.1f} times as many" in found.message


@pytest.mark.parametrize(
    ("curve", "says"),
    [
        ("[[200, 0.3], [400, 0.388], [800, 0.433], [1200, 0.46]]", None),  # CaffeNet's: no plateau
        ("[[600, 0.425], [800, 0.438]]", "fewer than three"),
        ("[[100, 0.9], [100, 0.9], [200, 0.9]]", "fewer than three"),
        ("[[400, 0.5], [800, 0.503], [1600, 0.61]]", None),  # one dip is no plateau
        ("[[1600, 0.915], [400, 0.910], [800, 0.912]]", "gained 0.2 and 0.3 points per doubling"),
    ],
)
def test_a_plateau_takes_two_intervals(curve: str, says: str | None) -> None:
    message = codes(f"{BASE}data: {{audit: {{learning_curve: {curve}}}}}\n").get("CNN118")
    assert (message is None) == (says is None)
    assert says is None or (message is not None and says in message)
