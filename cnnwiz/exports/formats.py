"""The formats: each writes its files into a folder and gives back how to run what was written."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnwiz.data.loader import preprocess
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation.trained import Trained
from cnnwiz.exports.parity import Runner
from cnnwiz.exports.portable import Portable, example
from cnnwiz.exports.python.file import python_file
from cnnwiz.nn.network import Network
from cnnwiz.training.checkpoint import read, write


def onnx(trained: Trained, path: Path, inside: bool, about: dict[str, Any]) -> Runner:
    """ONNX by torch's exporter, any batch size, one file. Class names and preprocessing are in its metadata, too."""
    try:
        import onnx as library
        import onnxruntime
        import onnxscript as _  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise CnnwizError(f"--format onnx needs {error.name}: pip install 'cnnwiz[export]'") from None
    batch = torch.export.Dim("batch")
    output = about["output"]["name"]
    with _quiet():
        torch.onnx.export(
            Portable(trained, inside),
            (example(trained, inside),),
            path,
            input_names=["images"],
            output_names=[output],
            dynamic_shapes=({0: batch},),
            external_data=False,
            verbose=False,
        )
    model = library.load(str(path))
    for key, value in (("classes", about["classes"]), ("preprocessing", about["preprocessing"])):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    library.checker.check_model(model)
    library.save(model, str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    prepared = _prepared(trained, inside)
    return lambda canvases: np.asarray(session.run([output], {"images": prepared(canvases).numpy()})[0])


def torch_export(trained: Trained, path: Path, inside: bool, about: dict[str, Any]) -> Runner:
    """torch.export's program (.pt2), any batch size. It is compared as it is in memory: loading a .pt2 can run code, so
    cnnwiz never does."""
    with _quiet():
        batch = torch.export.Dim("batch")
        program = torch.export.export(
            Portable(trained, inside), (example(trained, inside),), dynamic_shapes=({0: batch},)
        )
        torch.export.save(program, path)
    return _runner(program.module(), _prepared(trained, inside))


def weights(trained: Trained, path: Path, inside: bool, about: dict[str, Any]) -> Runner:
    """The tensors as safetensors, by the names of the run's network."""
    write(path, trained.network.state_dict(), about)
    again = Network(trained.graph)
    again.load_state_dict(read(path)[0])
    return _runner(again.eval(), lambda canvases: preprocess(canvases, trained.preprocessing))


def python(trained: Trained, path: Path, inside: bool, about: dict[str, Any]) -> Runner:
    """One Python file with the network, its weights beside it as .npz. What runs here is what was just written."""
    text, arrays = python_file(trained, path.stem, about["facts"])
    path.write_text(text, encoding="ascii")
    np.savez(path.with_suffix(".npz"), allow_pickle=False, **arrays)
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.load()

    return _runner(network, lambda canvases: module.preprocess(canvases, module.PREPROCESSING))


def _prepared(trained: Trained, inside: bool) -> Callable[[np.ndarray], Tensor]:
    """Canvases as the input of a file that has the preprocessing inside, or beside."""
    if inside:
        return torch.from_numpy
    return lambda canvases: preprocess(canvases, trained.preprocessing).contiguous()


def _runner(network: Any, prepared: Callable[[np.ndarray], Tensor]) -> Runner:
    @torch.inference_mode()
    def run(canvases: np.ndarray) -> np.ndarray:
        return network(prepared(canvases)).numpy()

    return run


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes that torch's exporters print for their developers."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
