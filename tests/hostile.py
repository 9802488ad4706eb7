"""Files that try to run code, to write elsewhere or to fill the memory: runs, weights, images, arrays."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from cnnwiz.training.checkpoint import read, write

MARKER = "owned"
"""The file that any of this makes in the current directory if its code runs."""


class Attack:
    """Unpickling it makes the marker."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (os.system, (f"touch {MARKER}",))


def safetensors(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with this header, whatever it says."""
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensors(entries: dict[str, Any], data: bytes) -> bytes:
    return safetensors(json.dumps(entries).encode(), data)


def entry(shape: list[int], start: int, end: int, kind: str = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


def torch_file() -> bytes:
    held = io.BytesIO()
    torch.save({"layers.0.conv.weight": Attack()}, held)
    return held.getvalue()


WEIGHTS: dict[str, Callable[[], bytes]] = {
    "pickle": lambda: pickle.dumps(Attack()),
    "torch file": torch_file,
    "legacy pickle behind a length": lambda: safetensors(pickle.dumps(Attack())),
    "header of 2^63 bytes": lambda: safetensors(b"{}", length=2**63),
    "header beyond the file": lambda: safetensors(b"{}", length=10**6),
    "header of 200 MB": lambda: safetensors(b"{" + b" " * 200_000_000 + b"}"),
    "header that is no JSON": lambda: safetensors(b"{'a': open('x')}"),
    "nested header": lambda: safetensors(b"[" * 100_000),
    "overlapping tensors": lambda: tensors({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
    "hole between tensors": lambda: tensors({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12)),
    "unknown type": lambda: tensors({"a": entry([1], 0, 8, "OBJECT")}, bytes(8)),
    "shape that overflows": lambda: tensors({"a": entry([2**40, 2**40], 0, 4)}, bytes(4)),
    "negative shape": lambda: tensors({"a": entry([-1], 0, 4)}, bytes(4)),
    "tensor beyond the file": lambda: tensors({"a": entry([10**9], 0, 4 * 10**9)}, bytes(4)),
    "no metadata": lambda: tensors({"a": entry([1], 0, 4)}, bytes(4)),
    "metadata that is no JSON": lambda: tensors(
        {"__metadata__": {"cnnwiz": "__import__('os')"}, "a": entry([1], 0, 4)}, bytes(4)
    ),
    "nothing": lambda: b"",
}
"""What stands in for best.safetensors of a run."""


def facts(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda about: about | {"preprocessing": about["preprocessing"] | changes}


ABOUT: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "canvas of a billion pixels": facts(canvas=10**9),
    "image of a million pixels a side": facts(canvas=10**6, image_size=10**6),
    "deviation of 0": facts(std=[0.0]),
    "mean that is text": facts(mean=["__import__('os').system('touch owned')"]),
    "classes that are no text": lambda about: about | {"classes": [{"__class__": "os"}] * 10},
    "no classes": lambda about: about | {"classes": []},
}
"""What the metadata of the weights, with a right digest, may claim."""


def hostile_runs(run: Path, folder: Path) -> list[Path]:
    """Copies of a run, each with one file exchanged."""
    made = []

    def copied(name: str) -> Path:
        made.append(folder / f"run {name}")
        shutil.copytree(run, made[-1], ignore=shutil.ignore_patterns("checkpoints"))
        return made[-1]

    for name, content in WEIGHTS.items():
        (copied(name) / "best.safetensors").write_bytes(content())
    held, about = read(run / "best.safetensors")
    for name, change in ABOUT.items():
        write(copied(name) / "best.safetensors", held, change(about))
    with safe_open(run / "best.safetensors", framework="pt") as file:
        metadata = file.metadata()
    save_file(
        {name: tensor + 1 for name, tensor in held.items()}, copied("changed weights") / "best.safetensors", metadata
    )
    save_file({"a": torch.zeros(1)}, copied("weights of another network") / "best.safetensors", metadata)
    _sparse(copied("40 GB of nothing") / "best.safetensors", metadata)
    spec = copied("spec of 3 billion parameters") / "spec.yaml"
    spec.write_text(spec.read_text().replace("channels: 16", "channels: 18000"))
    spec = copied("spec that makes objects") / "spec.yaml"
    spec.write_text(f"!!python/object/apply:os.system ['touch {MARKER}']\n")
    pipe = copied("weights that are a pipe") / "best.safetensors"
    pipe.unlink()
    os.mkfifo(pipe)
    link = copied("weights that are a device") / "best.safetensors"
    link.unlink()
    link.symlink_to("/dev/zero")
    return made


def _sparse(path: Path, metadata: dict[str, str]) -> None:
    """A file that claims, and seems, to be 40 GB long and takes no room."""
    size = 40_000_000_000
    header = json.dumps({"__metadata__": metadata, "a": entry([size // 4], 0, size)}).encode()
    path.write_bytes(safetensors(header))
    os.truncate(path, 8 + len(header) + size)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, extra: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


IMAGES: dict[str, Callable[[], bytes]] = {
    "bomb.png": lambda: png(60_000, 60_000, bytes(1000)),
    "long.png": lambda: png(2**31 - 1, 1, bytes(1000)),
    "text.png": lambda: png(8, 8, bytes(72), chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(100_000_000), 1))),
    "screen.gif": lambda: b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + bytes(20),
    "wide.tif": lambda: (
        b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHII", 256, 4, 1, 10**9) + struct.pack("<HHII", 257, 4, 1, 10**9)
    ),
    "pickle.jpg": lambda: pickle.dumps(Attack()),
    "script.png": lambda: (
        f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch {MARKER}) (w) file\n".encode()
    ),
    "drawing.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "code.webp": lambda: f"#!/bin/sh\ntouch {MARKER}\n".encode(),
}


def hostile_images(folder: Path) -> Path:
    """A folder of images that are none, a pipe, a link to a device and one out of the folder."""
    folder.mkdir()
    for name, content in IMAGES.items():
        (folder / name).write_bytes(content())
    os.mkfifo(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "secret.png").symlink_to("/etc/passwd")
    return folder


def hostile_arrays(folder: Path) -> list[Path]:
    """.npz files with pickled objects, and with headers that promise 80 GB."""
    small = {name: np.zeros(3, np.uint8) for name in ("y_train", "x_test", "y_test")}
    np.savez(folder / "objects.npz", allow_pickle=True, x_train=np.array([Attack()] * 3, object), **small)
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(held, {"descr": "|u1", "fortran_order": False, "shape": (5_000_000, 64, 64)})
    names = ("x_train", "y_train", "x_test", "y_test")
    with zipfile.ZipFile(folder / "shape.npz", "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", held.getvalue())
    return sorted(folder.glob("*.npz"))
