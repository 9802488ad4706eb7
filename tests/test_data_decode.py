"""Decoding: every kind of pixel arrives as it should, and what is no proper image is refused by name, in one line."""

from __future__ import annotations

import io
import random
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnwiz.data.decode import decode, to_canvas
from cnnwiz.errors import CnnwizError

RAMP = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4


def saved(folder: Path, image: Image.Image | np.ndarray, name: str = "image.png", **options) -> Path:
    path = folder / name
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
    return path


def colours(seed: int = 0, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 255 / height, columns * 255 / width, (rows + columns) % 97], 2).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_lossless_formats_at_their_own_size_are_untouched(tmp_path, suffix):
    path = saved(tmp_path, colours(), f"image.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    canvas = decode(path, 8, 3)
    assert canvas.dtype == np.uint8
    assert np.array_equal(canvas, colours())


def test_grey_becomes_three_equal_channels_and_colour_one(tmp_path):
    assert np.array_equal(decode(saved(tmp_path, RAMP), 8, 3), np.repeat(RAMP[..., None], 3, 2))
    assert np.array_equal(decode(saved(tmp_path, RAMP), 8, 1)[..., 0], RAMP)
    luma = colours() @ np.array([0.299, 0.587, 0.114])
    assert np.abs(decode(saved(tmp_path, colours()), 8, 1)[..., 0] - luma).max() <= 0.51


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "<u2"), ("a.tif", "<u2"), ("a.tif", ">u2"), ("a.pgm", "<u2")], ids=str
)
def test_16_bits_are_scaled_not_clipped(tmp_path, name, kind):
    deep = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    canvas = decode(saved(tmp_path, deep.astype(kind), name), 8, 1)[..., 0]
    assert np.array_equal(canvas, np.rint(deep / 257).astype(np.uint8))


def test_16_bit_colour_is_scaled(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (8, 8, 3), dtype=np.uint16)
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    (tmp_path / "a.png").write_bytes(png(8, 8, 16, 2, lines))
    assert np.abs(decode(tmp_path / "a.png", 8, 3) - deep / 257).max() <= 1


def png(
    width: int, height: int, bits: int, colour: int, lines: bytes, extra: tuple[tuple[bytes, bytes], ...] = ()
) -> bytes:
    """A PNG file by its specification."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), *extra, (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    sums = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(sums)


def tiff(pixels: np.ndarray, bits: int, photometric: int = 1, sample_format: int = 1) -> bytes:
    """A grey TIFF file, little-endian, one strip, by its specification."""
    height, width = pixels.shape
    values = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 200, 277: 1, 278: height}
    values |= {279: pixels.nbytes, 339: sample_format}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(values.items()))
    head = b"II*\0" + struct.pack("<IH", 8, len(values)) + entries + struct.pack("<I", 0)
    return head.ljust(200, b"\0") + pixels.tobytes()


def test_white_is_zero_is_inverted_at_16_bits(tmp_path):
    deep = np.linspace(0, 65535, 64).reshape(8, 8).astype("<u2")
    (tmp_path / "a.tif").write_bytes(tiff(deep, 16, photometric=0))
    assert np.abs(decode(tmp_path / "a.tif", 8, 1)[..., 0] - (255 - deep / 257)).max() <= 0.51


def test_transparent_value_of_a_16_bit_png_is_white(tmp_path):
    deep = np.full((8, 8), 1000, ">u2")
    deep[0] = 2000
    lines = b"".join(b"\0" + row.tobytes() for row in deep)
    (tmp_path / "a.png").write_bytes(png(8, 8, 16, 0, lines, ((b"tRNS", struct.pack(">H", 2000)),)))
    canvas = decode(tmp_path / "a.png", 8, 1)[..., 0]
    assert (canvas[0] == 255).all()
    assert (canvas[1:] == round(1000 / 257)).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(tmp_path, mode, channels):
    image = Image.new("RGBA", (8, 8), (60, 60, 60))
    image.putalpha(Image.fromarray(RAMP))
    expected = RAMP / 255 * 60 + (1 - RAMP / 255) * 255
    assert np.abs(decode(saved(tmp_path, image.convert(mode)), 8, channels) - expected[..., None]).max() <= 1


@pytest.mark.parametrize(("mode", "key"), [("P", 1), ("L", 60), ("RGB", (60, 60, 60))])
def test_a_transparent_colour_is_white(tmp_path, mode, key):
    image = Image.new(mode, (8, 8), 1 if mode == "P" else key)
    if mode == "P":
        image.putpalette([0, 0, 0, 60, 60, 60])
    image.putpixel((0, 0), 0 if mode != "RGB" else (0, 0, 0))
    canvas = decode(saved(tmp_path, image, transparency=key), 8, 1)[..., 0]
    assert canvas[0, 0] == 0
    assert canvas.ravel()[1:].min() == 255


def test_palette_and_one_bit_images(tmp_path):
    few = colours() // 128 * 255
    image = Image.fromarray(few).quantize(8)
    assert np.array_equal(decode(saved(tmp_path, image), 8, 3), few)
    assert np.array_equal(decode(saved(tmp_path, Image.fromarray(RAMP > 100)), 8, 1)[..., 0], (RAMP > 100) * 255)


def test_cmyk_by_the_plain_formula(tmp_path):
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0]], [[0, 255, 255, 0], [0, 0, 0, 255]]], np.uint8)
    path = saved(tmp_path, Image.fromarray(inks, "CMYK"), "a.tif")
    assert decode(path, 2, 3).tolist() == [[[255, 255, 255], [0, 255, 255]], [[255, 0, 0], [0, 0, 0]]]
    flat = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(decode(saved(tmp_path, flat, "a.jpg"), 16, 3).astype(int) - [255, 0, 0]).max() <= 3


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
    9: lambda a: a,  # no such orientation
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, colours(), exif=exif)
    assert np.array_equal(decode(path, 8, 3), UPRIGHT[orientation](colours()))


def test_damaged_metadata_does_not_hide_good_pixels(tmp_path):
    path = saved(tmp_path, smooth(16, 16), "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(path, 16, 3).shape == (16, 16, 3)


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif", "png"])
def test_first_frame_of_an_animation(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    path = saved(tmp_path, frames[0], f"a.{suffix}", save_all=True, append_images=frames[1:])
    assert decode(path, 8, 3).min() >= 254


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 5)], ids=str)
def test_thin_and_tiny_images_are_enlarged(tmp_path, size):
    canvas = decode(saved(tmp_path, Image.new("RGB", size, (10, 20, 30))), 16, 3)
    assert np.array_equal(canvas, np.broadcast_to([10, 20, 30], (16, 16, 3)))


def test_canvas_is_the_centre_of_the_resized_image():
    image = Image.fromarray(colours(side=64)).resize((96, 32))
    resized = image.resize((48, 16), Image.Resampling.BILINEAR)
    assert np.array_equal(to_canvas(image, 16, 3), np.asarray(resized.crop((16, 0, 32, 16))))


def test_resizing_agrees_with_torch():
    import torch
    from torch.nn.functional import interpolate

    image = colours(side=90)[:60]
    tensor = torch.from_numpy(image.copy()).permute(2, 0, 1)[None]
    resized = interpolate(tensor, (20, 30), mode="bilinear", antialias=True)
    expected = resized[0, :, :, 5:25].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(to_canvas(Image.fromarray(image), 20, 3) - expected).max() <= 1


@given(width=st.integers(1, 40), height=st.integers(1, 40), side=st.integers(1, 40), channels=st.sampled_from([1, 3]))
def test_canvas_of_any_size(width, height, side, channels):
    image = Image.new("RGB", (width, height), (9, 9, 9))
    canvas = to_canvas(image, side, channels)
    assert canvas.shape == (side, side, channels)
    assert canvas.dtype == np.uint8
    assert (canvas == 9).all()


def test_large_jpegs_decoded_at_reduced_size_look_the_same(tmp_path):
    path = saved(tmp_path, smooth(1200, 1600)[..., :2].repeat(2, 2)[..., :3], "a.jpg", quality=95)
    with Image.open(path) as image:
        expected = to_canvas(image, 64, 3)
    assert np.abs(decode(path, 64, 3).astype(int) - expected).mean() < 1


def damaged() -> dict[str, tuple[bytes, str]]:
    """Content that must be refused, and a word of the reason."""
    good = {kind: io.BytesIO() for kind in ("JPEG", "PNG")}
    for kind, file in good.items():
        Image.fromarray(smooth(64, 64)).save(file, kind)
    jpeg, png_file = good["JPEG"].getvalue(), good["PNG"].getvalue()
    half = (np.linspace(0, 1, 64).reshape(8, 8).astype("<f4"), 32, 1, 3)
    return {
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "truncated.png": (png_file[: len(png_file) // 2], "truncated"),
        "header only.jpg": (jpeg[:20], ""),
        "empty.jpg": (b"", "not an image"),
        "page.jpg": (b"<!DOCTYPE html><html><body>404</body></html>", "not an image"),
        "drawing.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "not an image"),
        "vector.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
        "document.jpg": (b"%PDF-1.4\n", "not an image"),
        "icon.png": (b"icns\0\0\0\x08", "not an image"),
        "bomb.png": (png(20000, 20000, 8, 2, b""), "400"),
        "large.png": (png(9000, 9000, 1, 0, b""), "9000x9000"),
        "text bomb.png": (png(8, 8, 8, 0, b"\0" * 72, ((b"zTXt", b"k\0\0" + zlib.compress(b"a" * 10**8)),)), ""),
        "float.tif": (tiff(*half), "floating"),
        "signed.tif": (tiff(RAMP.astype("<i2"), 16, 1, 2), "signed"),
        "32 bits.tif": (tiff(RAMP.astype("<u4"), 32), "32-bit"),
    }


DAMAGED = damaged()


@pytest.mark.parametrize(("name", "content", "reason"), [(n, *c) for n, c in DAMAGED.items()], ids=DAMAGED)
def test_what_is_no_proper_image_is_refused_by_name(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CnnwizError) as caught:
        decode(tmp_path / name, 8, 3)
    message = str(caught.value)
    assert name in message
    assert reason in message
    assert "\n" not in message
    assert caught.value.code == 2


def test_missing_file_and_hostile_name(tmp_path):
    with pytest.raises(CnnwizError, match="no such file"):
        decode(tmp_path / "none.jpg", 8, 3)
    with pytest.raises(CnnwizError) as caught:
        decode(tmp_path / "a\n\x1b[31m\u202e.jpg", 8, 3)
    assert not set(str(caught.value)) & set("\n\x1b\u202e")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_random_damage_never_escapes_as_another_error(tmp_path, kind):
    file = io.BytesIO()
    Image.fromarray(smooth(24, 24)).save(file, kind)
    generator = random.Random(kind)
    path = tmp_path / "a.img"
    for _ in range(60):
        content = bytearray(file.getvalue())
        for _ in range(generator.randint(1, 8)):
            content[generator.randrange(len(content))] = generator.randrange(256)
        path.write_bytes(content[: generator.randint(1, len(content))] if generator.random() < 0.3 else content)
        with suppress(CnnwizError):
            assert decode(path, 8, 3).shape == (8, 8, 3)
