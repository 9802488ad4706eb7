"""Networks without training and the Python files written of them, for tests and campaigns."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import torch

from cnnwiz.evaluation.trained import Trained
from cnnwiz.exports.python.file import python_file
from cnnwiz.graph import Graph, graph_of
from cnnwiz.nn.fuse import fuse
from cnnwiz.nn.network import build_graph
from cnnwiz.spec import Spec


def untrained(spec: Spec, classes: int = 7, fused: bool = False, graph: Graph | None = None) -> Trained:
    """The network of a spec with first weights and drawn running statistics, as if it were a run's."""
    graph = graph or graph_of(spec, classes)
    network = build_graph(graph, seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.named_buffers():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2, generator=generator)
            elif name.endswith("running_mean"):
                tensor.normal_(0, 0.1, generator=generator)
    network = fuse(network) if fused else network
    channels, side, _ = graph.input
    facts = {"version": 1, "channels": channels, "canvas": side, "image_size": side}
    facts |= {"mean": [0.4] * channels, "std": [0.25] * channels}
    names = tuple(f"class {number}" for number in range(graph.classes))
    return Trained(Path(), "best", 1, spec, network.graph, network, names, facts, "cpu")


def written(trained: Trained, file: Path) -> tuple[ModuleType, torch.nn.Module]:
    """The Python file of a network, written to `file` and imported; and its network with the weights."""
    text, arrays = python_file(trained, file.stem, [])
    file.write_text(text, encoding="ascii")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Network()
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
    return module, network.eval()


def exact(trained: Trained, network: torch.nn.Module, images: int = 3) -> bool:
    """Whether both give the same bits, for inputs that lie in memory as those of images do."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(images, *trained.graph.input, generator=generator).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        return torch.equal(trained.network(x), network(x))
