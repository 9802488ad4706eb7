"""The network as one module of ordinary layers, with the preprocessing in front where that is asked for."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from cnnwiz.data.loader import centre_crop
from cnnwiz.evaluation.trained import Trained


class Portable(nn.Module):
    """The run's network with weight norm multiplied out. Input: normalized images float32 (B, C, H, W), or with
    `inside` canvases uint8 (B, S, S, C); output: scores or embeddings float32 (B, K)."""

    def __init__(self, trained: Trained, inside: bool) -> None:
        super().__init__()
        self.network = copy.deepcopy(trained.network).eval()
        for module in list(self.network.modules()):
            if is_parametrized(module, "weight"):
                remove_parametrizations(module, "weight")
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
