"""Exports of templates, choices and drawn networks: bits of the Python file, differences of ONNX and torch.export.

python tests/campaigns/exports.py [NETWORKS]        the Python file of all templates and of NETWORKS (300) drawn ones
python tests/campaigns/exports.py onnx [WORD...]    each choice and each template of 64 px or less (or those whose name
                                                    holds a WORD), also fused: 20 min of a core for all
python tests/campaigns/exports.py alone PYTHON      the Python file of each template, run by a Python that has only
                                                    torch, torchvision and Pillow
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from generated import exact, untrained, written
from hypothesis import HealthCheck, given, settings
from strategies import networks
from test_export_python import TEXTS, parsed

from cnnwiz.data.decode import decode
from cnnwiz.data.loader import preprocess
from cnnwiz.evaluation import Trained
from cnnwiz.exports import formats
from cnnwiz.exports.portable import described
from cnnwiz.spec import Spec, load

FAILURES = (RuntimeError, ValueError, TypeError, NotImplementedError, torch.onnx.errors.OnnxExporterError)
EXTENSIONS = {"onnx": "onnx", "torch_export": "pt2"}
TEMPLATES = sorted((Path(__file__).parents[2] / "templates").glob("*.yaml"))


def specs() -> Iterator[tuple[str, Spec]]:
    """Name and spec of each template that ends in scores or embeddings."""
    for template in TEMPLATES:
        spec = load(template)
        if spec.task != "detect":
            yield template.stem, spec


def templates(folder: Path) -> int:
    """How many templates' Python files differ."""
    wrong = 0
    for name, spec in specs():
        trained = untrained(spec)
        same = exact(trained, written(trained, folder / "network.py")[1], 2)
        wrong += not same
        print(f"{name:<20} {'the same bits' if same else 'DIFFERS'}", flush=True)
        gc.collect()
    return wrong


def drawn(folder: Path, count: int) -> None:
    """Draw networks until one differs."""
    done = 0

    @given(spec=networks())
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(spec) -> None:
        nonlocal done
        trained = untrained(spec)
        assert exact(trained, written(trained, folder / "network.py")[1])
        done += 1

    check()
    print(f"{done} drawn networks: the same bits")


def others(folder: Path, words: list[str]) -> int:
    """How many differences of ONNX and torch.export are too large, of choices and small templates, fused and not."""
    cases: dict[str, Callable[[bool], Trained]] = {}
    for name, text in TEXTS.items():
        cases[name] = lambda fused, text=text: untrained(parsed(text), fused=fused)
    for name, spec in specs():
        if (spec.data.image_size or 32) <= 64:
            cases[f"template {name}"] = lambda fused, spec=spec: untrained(spec, fused=fused)
    wrong = 0
    for name, case in cases.items():
        if words and not any(word in name for word in words):
            continue
        for fused in (False, True):
            trained = case(fused)
            about = {"classes": list(trained.classes), **described(trained, False)}
            side, channels = trained.preprocessing["canvas"], trained.preprocessing["channels"]
            canvases = np.random.default_rng(0).integers(0, 256, (200, side, side, channels), dtype=np.uint8)
            with torch.inference_mode():
                expected = trained.network(preprocess(canvases, trained.preprocessing)).numpy()
            scale = max(1.0, np.abs(expected).max())
            for way, limit in ((formats.onnx, 1e-4), (formats.torch_export, 1e-5)):
                try:
                    found = way(trained, folder / f"network.{EXTENSIONS[way.__name__]}", False, about)(canvases)
                    difference = float(np.abs(found - expected).max() / scale)
                    same = (found.argmax(1) == expected.argmax(1)).mean()
                    verdict = "" if difference <= limit and same == 1 else "TOO FAR"
                    line = f"{difference:.1e}  {same:.4f}  {verdict}"
                except FAILURES as error:
                    verdict, line = "FAILS", f"FAILS {type(error).__name__}: {' '.join(str(error).split())[:150]}"
                wrong += bool(verdict)
                print(f"{name:<32} {way.__name__:<13} {'fused' if fused else '':<6} {line}", flush=True)
    return wrong


SCRIPT = """
import importlib.util, sys
assert importlib.util.find_spec("cnnwiz") is None
sys.path.insert(0, sys.argv[1])
import torch, network
torch.set_num_threads(1)
print(network.outputs_of(network.load(), [sys.argv[2]]).numpy().tobytes().hex())
"""


def alone(folder: Path, python: str) -> int:
    """How many templates' files do not run by that Python, or say something else about an image than the network."""
    image = folder / "image.png"
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(image)
    wrong = 0
    for name, spec in specs():
        trained = untrained(spec)
        formats.python(trained, folder / "network.py", False, {"facts": []})
        command = [python, "-I", "-c", SCRIPT, str(folder), str(image)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        shown = subprocess.run([python, "-I", str(folder / "network.py"), str(image)], capture_output=True, check=False)
        canvas = decode(image, trained.preprocessing["canvas"], trained.preprocessing["channels"])
        with torch.inference_mode():
            expected = trained.network(preprocess(canvas[None], trained.preprocessing)).numpy()
        same = run.stdout.strip() == expected.tobytes().hex() and shown.returncode == 0
        wrong += not same
        print(f"{name:<20} {'the same bits' if same else f'DIFFERS {run.stderr[-300:]}'}", flush=True)
    return wrong


def main(arguments: list[str]) -> int:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        if arguments[:1] == ["onnx"]:
            return others(folder, arguments[1:])
        if arguments[:1] == ["alone"]:
            return alone(folder, arguments[1])
        drawn(folder, int(arguments[0]) if arguments else 300)
        return templates(folder)


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
