"""The network as one module of ordinary layers, with the preprocessing in front where that is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from cnnwiz.catalog.activation import LeakyRelu
from cnnwiz.catalog.rearrange import AdaptivePool2d
from cnnwiz.catalog.rectifier import Rrelu
from cnnwiz.data.loader import centre_crop
from cnnwiz.evaluation.trained import Trained
from cnnwiz.nn.network import Network


class Portable(nn.Module):
    """The run's network with weight norm multiplied out. Input: normalized images float32 (B, C, H, W), or with
    `inside` canvases uint8 (B, S, S, C); output: scores or embeddings float32 (B, K)."""

    def __init__(self, trained: Trained, inside: bool) -> None:
        super().__init__()
        self.network = multiplied_out(trained.network)
        self.inside, self.side = inside, int(trained.preprocessing["image_size"])
        pairs = list(zip(trained.preprocessing["mean"], trained.preprocessing["std"], strict=True))
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", torch.tensor([1 / (255 * std) for _, std in pairs])[:, None, None])
        self.register_buffer("shift", torch.tensor([-mean / std for mean, std in pairs])[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        if self.inside:
            pixels = centre_crop(images.permute(0, 3, 1, 2), self.side)
            images = pixels.float() * self.scale + self.shift
        return self.network(images)


def multiplied_out(network: Network) -> Network:
    """A copy of ordinary layers with the same bits: weights are what weight norm makes of length and direction.

    Made anew, for torch's remove_parametrizations would change the class that a copy shares with the original.
    """
    nodes, tensors = [], {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for node in network.graph.nodes:
        if isinstance(node.operation, Rrelu):  # in evaluation a leaky ReLU, and ONNX knows no other
            middle = (node.operation.lower + node.operation.upper) / 2
            node = replace(node, operation=LeakyRelu(negative_slope=middle))
        module = network.get_submodule(node.name)
        if is_parametrized(module, "weight"):
            node = replace(node, operation=node.operation.model_copy(update={"weight_norm": False}))
            for part in ("original0", "original1"):
                del tensors[f"{node.name}.parametrizations.weight.{part}"]
            tensors[f"{node.name}.weight"] = getattr(module, "weight").detach().clone()  # noqa: B009 - made on access
        nodes.append(node)
    plain = Network(network.graph._replace(nodes=tuple(nodes)))
    plain.load_state_dict(tensors)
    for place, (index, _, inputs, dead) in enumerate(plain.steps):
        node = plain.graph.nodes[index]
        if isinstance(node.operation, AdaptivePool2d):
            windows = Windows(node.operation, *node.input_shapes[0][1:])
            plain.set_submodule(node.name, windows)
            plain.steps[place] = (index, windows, inputs, dead)
    return plain.eval()


class Windows(nn.Module):
    """Adaptive pooling window by window, (B, C, H, W) to (B, C, *size): ONNX knows it only for equal windows."""

    def __init__(self, pool: AdaptivePool2d, height: int, width: int) -> None:
        super().__init__()
        self.largest = pool.largest
        self.rows, self.columns = (
            [(place * side // count, -(-(place + 1) * side // count)) for place in range(count)]
            for side, count in zip((height, width), pool.size, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        reduced = torch.amax if self.largest else torch.mean
        rows = [
            torch.stack([reduced(x[:, :, top:bottom, left:right], (2, 3)) for left, right in self.columns], 2)
            for top, bottom in self.rows
        ]
        return torch.stack(rows, 2)


def example(trained: Trained, inside: bool, count: int = 2) -> Tensor:
    """An input of the right shape and type."""
    facts = trained.preprocessing
    if inside:
        return torch.zeros(count, facts["canvas"], facts["canvas"], facts["channels"], dtype=torch.uint8)
    return torch.zeros(count, facts["channels"], facts["image_size"], facts["image_size"])


def described(trained: Trained, inside: bool) -> dict[str, Any]:
    """Input, output and preprocessing in words and numbers, for the JSON beside the file."""
    facts = trained.preprocessing
    canvas, side, channels = facts["canvas"], facts["image_size"], facts["channels"]
    resize = (
        f"both sides resized to {canvas} px"
        if facts.get("fit") == "stretch"
        else f"short side resized to {canvas} px, the square in the middle cut out"
    )
    steps = [
        "decoded, upright by its EXIF tag, " + ("grey (ITU-R 601)" if channels == 1 else "RGB"),
        f"{resize} (bilinear with antialias, as Pillow)",
        f"the middle {side} x {side} px cut out",
        "(value / 255 - mean) / std for each channel",
    ]
    shape = ["batch", canvas, canvas, channels] if inside else ["batch", channels, side, side]
    return {
        "input": {"name": "images", "type": "uint8" if inside else "float32", "shape": shape},
        "output": {
            "name": "embeddings" if trained.embeds else "scores",
            "type": "float32",
            "shape": ["batch", trained.graph.output[0]],
            "meaning": "compare by cosine" if trained.embeds else "softmax gives the probabilities of the classes",
        },
        "preprocessing": {
            **facts,
            "steps_before_the_file": steps[:2] if inside else steps,
            "steps_inside_the_file": steps[2:] if inside else [],
        },
    }
