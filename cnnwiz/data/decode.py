"""From an image file to the canvas: the first stage of the preprocessing all commands share.

Conversions, all without colour management: EXIF orientation applied; first frame of an animation; 16-bit values scaled
by their bit depth; transparent pixels over white; grey from colour by ITU-R 601; CMYK by Pillow's plain formula.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MOST_PIXELS = 64_000_000
FAILURES = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError),
    *(TypeError, ValueError, struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning),
)
"""What Pillow's decoders have been seen to raise on damaged files."""


def short_side(file: str) -> int:
    """Of an image, in pixels, from its header; 0 where it cannot be read, which decoding will report."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            return min(image.size)
    except FAILURES:
        return 0


def decode(
    file: str | Path | BinaryIO, side: int, channels: int, name: str | None = None, whole: bool = False
) -> np.ndarray:
    """The canvas of an image file, uint8 (side, side, channels); see `to_canvas`. Raises CnnwizError with `name`
    (default: the path) and the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata; the pixels decide
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                return to_canvas(eight_bits(upright(image, side)), side, channels, whole)
    except FAILURES as error:
        raise CnnwizError(f"{name or repr(str(file))}: {_reason(error)}") from None


def to_canvas(image: Image.Image, side: int, channels: int, whole: bool = False) -> np.ndarray:
    """The short side resized to `side` (bilinear with antialias), the centre cut out: uint8 (side, side, channels); or
    the `whole` image, both sides resized.

    `image` is of mode L or RGB. Resizing only the square in the middle is the same, and cheaper on long images.
    """
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != (side, side):
        short = min(image.size)
        left, top = (image.width - short) / 2, (image.height - short) / 2
        box = None if whole else (left, top, left + short, top + short)
        image = image.resize((side, side), Image.Resampling.BILINEAR, box, reducing_gap=3.0)
    return np.asarray(image).reshape(side, side, channels)


def upright(image: Image.Image, side: int) -> Image.Image:
    """The decoded, upright image; refused by its header where it is too large."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ValueError(f"{width}x{height} pixels, more than the {MOST_PIXELS // 10**6} million allowed")
    scale = 2 * side / min(width, height)
    if scale < 0.5:  # JPEG only: decode at 1/2, 1/4 or 1/8, which still leaves 2 pixels for each of the canvas
        image.draft(image.mode, (round(width * scale), round(height * scale)))
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return image


def eight_bits(image: Image.Image) -> Image.Image:
    """Any mode as L or RGB."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range: convert it to 8 or 16 bits")
    if image.mode.startswith("I"):
        return from_deep(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def from_deep(image: Image.Image) -> Image.Image:
    """16 (or 12) bits a pixel, grey, scaled to 8."""
    tags = getattr(image, "tag_v2", {})  # TIFF: 258 bits a sample, 262 photometric, 339 sample format
    bits, signed = tags.get(258, (16,))[0], tags.get(339, (1,))[0] == 2
    if bits > 16 or signed:
        raise ValueError(
            f"{bits}-bit {'signed ' if signed else ''}integers have no fixed range: convert it to 8 or 16 bits"
        )
    stored = np.asarray(image)
    values = stored * (255 / (2**bits - 1))
    if tags.get(262) == 0:  # white is zero
        values = 255 - values
    values[stored == image.info.get("transparency", -1)] = 255  # PNG: the one value that is transparent
    return Image.fromarray(np.rint(values).astype(np.uint8))


def _reason(error: BaseException) -> str:
    """One line without the path, which the caller gives."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "not an image of a known format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(ascii(str(error))[1:-1].split()) or type(error).__name__
