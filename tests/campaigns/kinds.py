"""45 kinds of file that stand where an image should: 25 that are damaged or no image, 20 that are unusual but fine."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

READ, REFUSED, PASSED = "read", "refused", "passed over"
"""What becomes of a file: used like any image; named, with the command ended (predict: told and skipped); no image."""


def picture(height: int = 30, width: int = 40) -> Image.Image:
    """Smooth colours, none of which is another's mirror image."""
    rows, columns = np.mgrid[0:height, 0:width]
    return Image.fromarray(
        np.stack([rows * 255 / height, columns * 255 / width, (rows + columns) * 127 / (height + width)], 2).astype(
            "u1"
        )
    )


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A piece of a PNG file."""
    found = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", found)


def png(width: int, height: int, rows: bytes, crc: int | None = None) -> bytes:
    """A PNG file that says of itself that it has this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header, crc) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def sized_jpeg(side: int) -> bytes:
    """A JPEG whose header tells another size."""
    content = bytearray(saved(picture(), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


def flipped(content: bytes) -> bytes:
    """The middle of a PNG's compressed data changed; its checksum tells."""
    place = content.index(b"IDAT") + 40
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


def turned() -> Image.Image:
    return picture().transpose(Image.Transpose.ROTATE_90)  # what orientation 6 turns back


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def grey() -> Image.Image:
    return picture().convert("L")


def deep() -> Image.Image:
    return Image.fromarray(np.asarray(grey()).astype(np.uint16) * 257)


def frames(kind: str) -> bytes:
    others = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    return saved(picture(), kind, save_all=True, append_images=others, **({"lossless": True} if kind == "WEBP" else {}))


def transparent() -> Image.Image:
    image = picture().convert("P")
    image.info["transparency"] = 255
    return image


DAMAGED: dict[str, Callable[[], bytes]] = {
    "empty.jpg": lambda: b"",
    "page.jpg": lambda: b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "text.png": lambda: b"no image\n" * 20,
    "beginning.jpg": lambda: saved(picture(), "JPEG")[:20],
    "half.jpg": lambda: half(saved(picture(300, 400), "JPEG")),
    "half.png": lambda: half(saved(picture(), "PNG")),
    "half.gif": lambda: half(saved(picture(), "GIF")),
    "half.bmp": lambda: half(saved(picture(), "BMP")),
    "half.tif": lambda: half(saved(picture(), "TIFF")),
    "half.webp": lambda: half(saved(picture(), "WEBP")),
    "half.ppm": lambda: half(saved(picture(), "PPM")),
    "bad-header-checksum.png": lambda: png(40, 30, bytes(121 * 30), crc=1),
    "flipped.png": lambda: flipped(saved(picture(), "PNG")),
    "less-than-promised.png": lambda: png(4000, 3000, bytes(121 * 30)),
    "no-width.png": lambda: png(0, 30, b""),
    "bomb.png": lambda: png(60000, 60000, b""),
    "bomb.jpg": lambda: sized_jpeg(65000),
    "archive.png": lambda: b"PK\x03\x04" + bytes(100),
    "document.jpg": lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "postscript.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "drawing.png": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "float.tif": lambda: saved(grey().convert("F"), "TIFF"),
    "long-integers.tif": lambda: saved(grey().convert("I"), "TIFF"),
    "signature-only.png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
    "nothing-inside.jpg": lambda: b"\xff\xd8\xff\xd9",
}
UNUSUAL: dict[str, tuple[Callable[[], bytes], str]] = {
    "grey.png": (lambda: saved(grey(), "PNG"), "grey"),
    "grey-16-bits.png": (lambda: saved(deep(), "PNG"), "grey"),
    "grey-16-bits.tif": (lambda: saved(deep(), "TIFF"), "grey"),
    "grey-and-alpha.png": (lambda: saved(grey().convert("LA"), "PNG"), "grey"),
    "palette.gif": (lambda: saved(picture(), "GIF"), "about"),
    "palette-transparent.png": (lambda: saved(transparent(), "PNG"), "any"),
    "alpha.png": (lambda: saved(picture().convert("RGBA"), "PNG"), "same"),
    "cmyk.jpg": (lambda: saved(picture().convert("CMYK"), "JPEG", quality=95), "about"),
    "turned.jpg": (lambda: saved(turned(), "JPEG", quality=95, exif=exif(6)), "about"),
    "turned-nowhere.jpg": (lambda: saved(picture(), "JPEG", quality=95, exif=exif(99)), "about"),
    "progressive.jpg": (lambda: saved(picture(), "JPEG", quality=95, progressive=True), "about"),
    "moving.gif": (lambda: frames("GIF"), "about"),
    "moving.webp": (lambda: frames("WEBP"), "same"),
    "pages.tif": (lambda: frames("TIFF"), "same"),
    "one-bit.png": (lambda: saved(picture().convert("1"), "PNG"), "any"),
    "one-pixel.png": (lambda: saved(picture(1, 1), "PNG"), "any"),
    "one-column.png": (lambda: saved(picture(2000, 1), "PNG"), "any"),
    "jpeg-inside.png": (lambda: saved(picture(), "JPEG", quality=95), "about"),
    "[red]\x1b[31m new\nline.png": (lambda: saved(picture(), "PNG"), "same"),
    "not-utf-8-\udcff.png": (lambda: saved(picture(), "PNG"), "same"),
}
"""File name to content, and what it must look like: the `same` picture, `about` that, its `grey` values, or `any`."""
NO_FILES = ("folder.png", "pipe.png", "broken-link.png", ".hidden.png")
"""What is passed over: neither opened nor waited for."""


def write(place: Path, name: str) -> Path:
    """One of the kinds as a file in the folder `place`."""
    path = place / name
    if name in DAMAGED:
        path.write_bytes(DAMAGED[name]())
    elif name in UNUSUAL:
        path.write_bytes(UNUSUAL[name][0]())
    elif name == "folder.png":
        path.mkdir()
    elif name == "pipe.png":
        os.mkfifo(path)
    elif name == "broken-link.png":
        path.symlink_to("nowhere.png")
    else:
        picture().save(path)
    return path


def outcome(name: str) -> str:
    """What must become of a kind, in every command."""
    return REFUSED if name in DAMAGED else READ if name in UNUSUAL else PASSED
