"""Test-time augmentation: several views of each image, whose predictions are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.data.loader import centre_crop, normalize
from cnnwiz.errors import CnnwizError


def views(canvases: Tensor, preprocessing: dict[str, Any], tta: str) -> list[Tensor]:
    """Canvases uint8 (B, C, S, S) as the network's inputs, one (B, C, H, W) for each view.

    `tta`: "none", the centre; "flip", and its mirror image; "crops", centre and four corners of the canvas; "shifts",
    the centre, moved by one pixel up-left and down-right, and their mirror images (arXiv:2404.00498); "ten", the crops
    and their mirror images (Krizhevsky et al., NIPS 2012).
    Raises CnnwizError where crops are asked of a canvas that leaves no room for them.
    """
    side, room = preprocessing["image_size"], canvases.shape[2] - preprocessing["image_size"]
    cut = [centre_crop(canvases, side)]
    if tta in ("crops", "ten"):
        if room <= 0:
            raise CnnwizError(
                f"--tta {tta}: the canvas is {side} px like the image, so there is one crop only; take --tta flip"
            )
        corners = [(top, left) for top in (0, room) for left in (0, room)]
        cut += [canvases[:, :, top : top + side, left : left + side] for top, left in corners]
    if tta == "shifts":
        edge, start = _edged(canvases), room // 2
        cut += [edge[:, :, at : at + side, at : at + side] for at in (start, start + 2)]
    found = [normalize(view, preprocessing) for view in cut]
    return found if tta in ("none", "crops") else [*found, *(view.flip(3) for view in found)]


def _edged(canvases: Tensor) -> Tensor:
    """Canvases (B, C, S, S) with one row or column more on each side, mirrored about it: (B, C, S+2, S+2)."""
    side = canvases.shape[2]
    places = torch.arange(-1, side + 1, device=canvases.device).abs()
    places = torch.minimum(places, 2 * (side - 1) - places).clamp(min=0)
    return canvases[:, :, places][:, :, :, places]


def averaged(network: nn.Module, inputs: Sequence[Tensor], embeds: bool) -> Tensor:
    """The network's output over the views (B, K), float32 on the CPU: of one view as it is; of several the logarithm of
    the mean probability, or the mean of embeddings brought to length 1."""
    outputs = [network(view).float() for view in inputs]
    if len(outputs) == 1:
        return outputs[0].cpu()
    if embeds:
        return torch.stack([F.normalize(output) for output in outputs]).mean(0).cpu()
    return torch.stack([output.softmax(1) for output in outputs]).mean(0).log().cpu()
