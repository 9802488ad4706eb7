"""Images inside the page: as data URIs, plain and with Grad-CAM laid over them."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from cnnwiz.report.blocks import Picture

LARGEST = 224
"""Side in pixels; larger images are made smaller."""
LOSSLESS = 96
"""Side up to which PNG is used: JPEG would blur what little there is."""
SMALLEST = 96
"""Side up to which an image is enlarged before a heat is laid over it."""
STOPS = np.array([[28, 16, 68], [122, 28, 109], [207, 68, 70], [246, 149, 52], [252, 233, 140]], float)
"""Colours of a heat of 0, 1/4, 1/2, 3/4 and 1: from dark to bright, also for readers who see no colours."""


def picture(image: np.ndarray, alt: str) -> Picture:
    """An image uint8 (H, W, C) with C 1 or 3."""
    made = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    side = max(made.size)
    if side > LARGEST:
        scale = LARGEST / side
        made = made.resize((round(made.width * scale), round(made.height * scale)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    if side <= LOSSLESS:
        made.save(file, "PNG", optimize=True)
        kind = "png"
    else:
        made.convert("RGB").save(file, "JPEG", quality=84)
        kind = "jpeg"
    return Picture(f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}", alt, side)


def overlaid(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The image in grey with a heat (H, W) of 0 to 1 over it in colour, the stronger the more: uint8 (H, W, 3)."""
    times = -(-SMALLEST // max(image.shape[:2]))
    if times > 1:  # a heat has no pixels: it is drawn smoothly over the enlarged ones of a small image
        image = image.repeat(times, 0).repeat(times, 1)
        size = (heat.shape[1] * times, heat.shape[0] * times)
        heat = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
    grey = (image.astype(float) @ np.array([0.299, 0.587, 0.114]) if image.shape[2] == 3 else image[..., 0])[..., None]
    places = np.linspace(0, 1, len(STOPS))
    colour = np.stack([np.interp(heat, places, STOPS[:, channel]) for channel in range(3)], -1)
    strength = (0.15 + 0.6 * heat)[..., None]
    return np.rint(grey * (1 - strength) + colour * strength).astype(np.uint8)


def strongest(heat: np.ndarray) -> str:
    """Where a heat (H, W) is strongest, in words: "upper left", "middle"; "nowhere" where it is 0 throughout."""
    if not heat.max() > 0:
        return "nowhere"
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    down = ("upper", "", "lower")[min(3 * int(row) // heat.shape[0], 2)]
    across = ("left", "", "right")[min(3 * int(column) // heat.shape[1], 2)]
    return " ".join(filter(None, (down, across))) or "middle"
