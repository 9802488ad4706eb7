"""Arithmetic and compiler: what is chosen, that it is measured and said, and that a run keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from cnnwiz.errors import CnnwizError
from cnnwiz.training import device as device_module
from cnnwiz.training.compiled import compile_network
from cnnwiz.training.device import bfloat16_gain, choose_device


def with_bfloat16(monkeypatch, has: bool, gain: float = 1.0) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    monkeypatch.setattr(device_module, "bfloat16_gain", lambda: gain)


@pytest.mark.parametrize(
    ("has", "gain", "chosen", "why"),
    [
        (True, 1.9, "bfloat16", "a 3x3 convolution is 1.9 times as fast in bfloat16 here"),
        (True, 0.8, "float32", "a 3x3 convolution is 0.8 times as fast in bfloat16 here"),
        (False, 9.0, "float32", "the device has no arithmetic of its own for less"),
    ],
)
def test_auto_takes_what_was_measured_to_be_faster(monkeypatch, has, gain, chosen, why):
    with_bfloat16(monkeypatch, has, gain)
    place = choose_device("cpu", "auto")
    assert (place.precision, place.why) == (chosen, why)


def test_what_is_written_or_begun_is_not_measured_again(monkeypatch):
    def measured() -> float:
        raise AssertionError("measured")

    monkeypatch.setattr(device_module, "bfloat16_gain", measured)
    assert choose_device("cpu", "bfloat16").why == "as written"
    assert choose_device("cpu", "auto", full=True).precision == "float32"
    for begun in ("float32", "bfloat16"):
        place = choose_device("cpu", "auto", begun=begun)
        assert (place.precision, place.why) == (begun, "as the run began")


def test_a_run_that_began_in_float16_elsewhere_chooses_anew(monkeypatch):
    with_bfloat16(monkeypatch, False)
    assert choose_device("cpu", "auto", begun="float16").precision == "float32"


def test_measuring_changes_neither_threads_nor_random_numbers():
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    assert bfloat16_gain() > 0
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_a_missing_compiler_is_named_before_training(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    with pytest.raises(CnnwizError, match=r"C\+\+ compiler") as caught:
        compile_network(nn.Linear(1, 1), "cpu")
    assert caught.value.code == 2
