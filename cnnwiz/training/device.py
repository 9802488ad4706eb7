"""Where and in which arithmetic a network is trained, and what the machine needs before the first step."""

from __future__ import annotations

import ctypes
import math
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from cnnwiz.errors import CnnwizError

PRECISIONS = ("bfloat16", "float16", "float32")
"""From the least exact on."""


@dataclass(frozen=True)
class Device:
    """A device and the arithmetic chosen for it. `why` says how `auto` was decided."""

    type: str
    name: str
    precision: str
    why: str

    def autocast(self) -> AbstractContextManager[object]:
        """The context of forward passes in training."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.type, dtype=getattr(torch, self.precision))


def choose_device(wanted: str, precision: str, full: bool = False, begun: str | None = None) -> Device:
    """The device for `auto`, `cpu`, `cuda`, `cuda:N` or `mps`, and the arithmetic for `auto` or one by name; with
    `full`, auto is float32, and where a run has `begun` in some arithmetic it is that one."""
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind = wanted.split(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise CnnwizError(f"--device {wanted}: no such device; take auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and not torch.cuda.is_available():
        raise CnnwizError(f"--device {wanted}: torch sees no CUDA device here; take --device cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise CnnwizError("--device mps: torch sees no Apple GPU here; take --device cpu")
    name = torch.cuda.get_device_name(wanted) if kind == "cuda" else kind
    if precision == "auto":
        chosen, why = ("float32", "the optimizer needs it") if full else _auto(kind, wanted, begun)
    else:
        chosen, why = precision, "as written"
    if chosen == "float16" and kind != "cuda":
        raise CnnwizError("training.precision: float16 needs a CUDA device; take bfloat16 or float32 here")
    return Device(wanted if kind == "cuda" else kind, name, chosen, why)


def _auto(kind: str, device: str, begun: str | None) -> tuple[str, str]:
    if begun in ("float32", "bfloat16") or (begun == "float16" and kind == "cuda"):
        return begun, "as the run began"
    if kind == "cuda":
        if torch.cuda.get_device_capability(device)[0] >= 8:
            return "bfloat16", "the GPU computes it in hardware"
        return "float16", "the GPU has no bfloat16; losses are scaled"
    if kind == "cpu" and torch.cpu._is_avx512_bf16_supported():
        gain = bfloat16_gain()
        said = f"a 3x3 convolution is {gain:.1f} times as fast in bfloat16 here"
        return ("bfloat16", said) if gain > 1 else ("float32", said)
    return "float32", "the device has no arithmetic of its own for less"


def bfloat16_gain() -> float:
    """How many times as fast a training step of one 3x3 convolution is in bfloat16, on one thread of this CPU.

    The fastest of several turns, each shorter than a time slice: other programs that run meanwhile do not matter. (On
    several threads they would: each waits for the slowest.)
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    weight = torch.zeros(64, 64, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    images = torch.zeros(4, 64, 16, 16).to(memory_format=torch.channels_last).requires_grad_()
    fastest = {torch.float32: math.inf, torch.bfloat16: math.inf}
    for turn in range(12):
        for kind in fastest:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == torch.bfloat16):
                began = time.perf_counter()
                torch.nn.functional.conv2d(images, weight, padding=1).sum().backward()
                spent = time.perf_counter() - began
            fastest[kind] = min(fastest[kind], spent if turn else math.inf)  # the first turn prepares kernels
    torch.set_num_threads(threads)
    return fastest[torch.float32] / fastest[torch.bfloat16]


def raise_allocator_thresholds() -> None:
    """Let glibc keep freed activations instead of returning them to the system at every step.

    Measured on 2 cores: 1.47 times the images per second for a small float32 network, at a third more peak memory.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:  # not glibc
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # malloc.h
    for option, size in ((mmap_threshold, 1 << 30), (trim_threshold, 1 << 31), (top_pad, 64 << 20)):
        libc.mallopt(option, min(size, 2**31 - 1))
