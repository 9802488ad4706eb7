"""Exporting a run: written into a folder of its own, compared with the run, and only then given its name."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cnnwiz import __version__
from cnnwiz.data.pixels import Pixels
from cnnwiz.data.prepare import present, split_records
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation.images import images_of, offline
from cnnwiz.evaluation.trained import Trained, open_trained
from cnnwiz.exports import formats
from cnnwiz.exports.parity import Parity, Runner, compare, refuse
from cnnwiz.exports.portable import described
from cnnwiz.training.checkpoint import reason
from cnnwiz.training.run import read_record


class Format(NamedTuple):
    """A kind of file: its extension, how far it may differ from the run, who writes it, what stands beside it."""

    extension: str
    tolerance: float
    write: Callable[[Trained, Path, bool, dict[str, Any]], Runner]
    beside: str  # extension of the second file


FORMATS = {
    "onnx": Format(".onnx", 1e-4, formats.onnx, ".json"),
    "torch_export": Format(".pt2", 1e-5, formats.torch_export, ".json"),
    "weights": Format(".safetensors", 0.0, formats.weights, ".json"),
    "python": Format(".py", 0.0, formats.python, ".npz"),
}


@dataclass(frozen=True)
class Settings:
    """How to export. `data` and `images`: what the comparison looks at."""

    format: str
    output: Path | None = None  # default: RUN/export/NAME and the extension
    weights: str = "best"
    fused: bool = False
    inside: bool = False  # preprocessing as part of the file; onnx and torch_export
    tolerance: float | None = None
    data: Path | None = None
    images: int = 200
    force: bool = False


@dataclass(frozen=True)
class Exported:
    """The files that were written, and what was found."""

    files: tuple[Path, ...]
    about: dict[str, Any]
    parity: Parity


def export(run: Path, settings: Settings) -> Exported:
    """Export a run's network and compare the file with the run on real images.

    Raises CnnwizError: 1 where file and run differ by more than the tolerance (nothing is then written), 2 for what is
    missing or exists, 4 for the disk.
    """
    kind = FORMATS[settings.format]
    if settings.inside and settings.format not in ("onnx", "torch_export"):
        raise CnnwizError(f"--preprocessing inside is for onnx and torch_export; {settings.format} has it beside")
    trained = open_trained(run, settings.weights, "cpu", settings.fused)
    trained.refuse_boxes("export")
    path, beside = _targets(trained, settings)
    pixels, source = _real_images(trained, settings)
    about = _about(trained, settings, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tmp.") as folder:
            written = Path(folder) / path.name
            runner = kind.write(trained, written, settings.inside, about)
            tolerance = kind.tolerance if settings.tolerance is None else settings.tolerance
            parity = compare(trained, pixels, runner, source, tolerance)
            refuse(parity)
            about |= {"sha256": hashlib.sha256(written.read_bytes()).hexdigest(), "parity": parity.as_json()}
            if kind.beside == ".json":
                del about["facts"]
                written.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            for made, final in ((written, path), (written.with_suffix(kind.beside), beside)):
                made.replace(final)
    except OSError as error:
        raise CnnwizError(f"{path}: cannot be written: {reason(error)}", code=4) from None
    return Exported((path, beside), about, parity)


def _targets(trained: Trained, settings: Settings) -> tuple[Path, Path]:
    """The file and the one beside it. Raises CnnwizError for another extension, and for what exists."""
    kind = FORMATS[settings.format]
    path = settings.output or trained.run / "export" / f"{trained.spec.name}{kind.extension}"
    if path.suffix != kind.extension:
        raise CnnwizError(f"{path}: --format {settings.format} writes {kind.extension} files")
    beside = path.with_suffix(kind.beside)
    existing = [file for file in (path, beside) if file.exists() or file.is_symlink()]
    if existing and not settings.force:
        raise CnnwizError(f"{existing[0]}: exists; take another --output, or --force to replace it")
    return path, beside


def _real_images(trained: Trained, settings: Settings) -> tuple[Pixels, str]:
    """Some images, evenly spread: of validation, else of test, else of training."""
    if settings.data is not None:
        return images_of(trained, "test", settings.data, most=settings.images).pixels, f"images of {settings.data}"
    try:
        records, _ = split_records(offline(trained.spec.data), trained.spec.training.seed)
    except CnnwizError as error:
        missing = "the comparison needs images, and the run's are not here; name some by --data"
        raise CnnwizError(f"{missing} ({error})") from None
    split = next(name for name in ("validation", "test", "train") if name in present(records))
    return images_of(trained, split, most=settings.images).pixels, f"{split} images"


def _about(trained: Trained, settings: Settings, path: Path) -> dict[str, Any]:
    """What stands in the JSON beside the file; `facts` are lines for people."""
    record = read_record(trained.run)
    told = described(trained, settings.inside)
    if settings.format == "python":
        told["input"] = {"name": "images", "type": "image files", "shape": ["batch"]}
        steps = told["preprocessing"].pop("steps_before_the_file")
        told["preprocessing"] |= {"steps_before_the_file": [], "steps_inside_the_file": steps}
    return {
        "cnnwiz": __version__,
        "name": trained.spec.name,
        "format": settings.format,
        "file": path.name,
        "task": trained.spec.task,
        "weights": trained.weights,
        "epoch": trained.epoch,
        "fused": settings.fused,
        "classes": list(trained.classes),
        **told,
        "facts": _facts(record),
    }


def _facts(record: dict[str, Any]) -> list[str]:
    """Lines about the run for the head of a file; run.json may come from others, so only numbers of it are used."""
    metrics = record.get("metrics")
    known = metrics if isinstance(metrics, dict) else {}
    words = {"val_accuracy": "validation accuracy", "test_accuracy": "test accuracy"}
    found = [f"{words[name]} {known[name]:.4f}" for name in words if isinstance(known.get(name), float)]
    return [f"Measured by the run: {', '.join(found)}."] if found else []
