"""From the bytes of an upload to what the page shows: classes with probabilities, and where each was seen."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL import Image

from cnnwiz.data.decode import FAILURES, FORMATS, decode
from cnnwiz.data.loader import preprocess
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import Trained
from cnnwiz.nn.gradcam import last_map, look
from cnnwiz.report.pictures import overlaid, picture, strongest
from cnnwiz.text import visible

MOST_PIXELS = {"JPEG": 64_000_000}
OTHERWISE = 16_000_000
"""Pixels of an upload. Decoding takes up to 16 bytes a pixel, which a few kB of PNG can claim to have; JPEG is decoded
at a fraction of its size, and takes 6 bytes a pixel at most."""
SHOWN = 5
"""Classes in an answer."""
LOOKED = 3
"""Of these, with a picture of where they were seen."""


def answer(trained: Trained, content: bytes) -> dict[str, Any]:
    """`size` of the upload, `picture` as the network sees it, and `classes`: name, probability, and for the first ones
    `looked` (a picture) and `where` (in words). Raises CnnwizError for what is no image, or too large."""
    size = measured(content)
    facts = trained.preprocessing
    canvas = decode(io.BytesIO(content), facts["canvas"], facts["channels"], "the upload")[None].copy()
    inputs = preprocess(canvas, facts, trained.device)
    with torch.inference_mode():
        scores = trained.network(inputs).float().cpu()[0]
    shares = scores.double().softmax(0)
    order = scores.argsort(descending=True, stable=True)[:SHOWN].tolist()
    start = (canvas.shape[1] - facts["image_size"]) // 2
    end = start + facts["image_size"]
    image = canvas[0, start:end, start:end]
    rows: list[dict[str, Any]] = [
        {"name": visible(trained.classes[place]), "probability": float(shares[place])} for place in order
    ]
    if last_map(trained.graph) is not None:
        chosen = torch.tensor(order[:LOOKED])
        heats = look(trained.network, inputs.expand(len(chosen), -1, -1, -1), chosen).numpy()
        for row, heat in zip(rows, heats, strict=False):
            row["looked"] = picture(overlaid(image, heat), "").uri
            row["where"] = strongest(heat)
    return {"size": list(size), "picture": picture(image, "").uri, "classes": rows}


def measured(content: bytes) -> tuple[int, int]:
    """(width, height) as the header says. Raises CnnwizError for other formats and too many pixels."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            (width, height), most = image.size, MOST_PIXELS.get(image.format or "", OTHERWISE)
    except FAILURES:
        raise CnnwizError("this is not an image of a known format (JPEG, PNG, WebP, BMP, GIF, TIFF, PNM)") from None
    if width * height > most:
        raise CnnwizError(f"{width}x{height} pixels, more than the {most // 10**6} million taken: make it smaller")
    return width, height
