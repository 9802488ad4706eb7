"""The local page as a server: its answers, whom it answers, what it refuses, how it ends."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import numpy as np
import pytest
from pages import trained
from PIL import Image

from cnnwiz.__main__ import run as command
from cnnwiz.evaluation import evaluate, open_trained

pytest.importorskip("starlette", reason="the extra serve is not installed")
UPLOAD = "application/octet-stream"


class Server(NamedTuple):
    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        return int(self.address.rstrip("/").rsplit(":", 1)[1])


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def served(run: Path, *options: str) -> Iterator[Server]:
    """A `cnnwiz serve` process that has said where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cnnwiz", "serve", str(run), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", int(address.rstrip("/").rsplit(":", 1)[1])), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Server(process, address)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def server(run) -> Iterator[Server]:
    with served(run) as found:
        yield found


def ask(server: Server, path: str = "/", method: str = "GET", body: Any = None, **headers: str) -> Answer:
    """One request; names of headers have `_` for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, sent)
    response = connection.getresponse()
    found = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return found


def upload(server: Server, content: Any, **headers: str) -> Answer:
    return ask(server, "/predict", "POST", content, Content_Type=UPLOAD, **headers)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_answers_are_those_of_the_evaluation(server, run):
    outputs = evaluate(run).outputs
    for index in (0, 100, 358):
        found = upload(server, png(outputs.pixels.batch(np.array([index]))[0, ..., 0]))
        assert found.status == 200
        rows = found.json["classes"]
        expected = outputs.probabilities[index]
        assert rows[0]["name"] == outputs.classes[int(outputs.predicted[index])]
        named = [float(expected[outputs.classes.index(row["name"])]) for row in rows]
        assert [row["probability"] for row in rows] == pytest.approx(named, abs=1e-6)
        assert named == sorted(expected.tolist(), reverse=True)[:5]
        assert [("looked" in row) for row in rows] == [True, True, True, False, False]
        assert found.json["size"] == [8, 8]


def test_pages_carry_their_headers(server):
    for path, kind in (
        ("/", "text/html"),
        ("/page.js", "text/javascript"),
        ("/page.css", "text/css"),
        ("/about", "json"),
    ):
        found = ask(server, path)
        assert found.status == 200
        assert kind in found.headers["content-type"]
        assert "script-src 'self'" in found.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
        assert found.headers["x-content-type-options"] == "nosniff"
        assert not any(name.startswith("access-control") for name in found.headers)
        assert "server" not in found.headers
    page = ask(server).body.decode()
    assert re.findall(r"(?:src|href)=\"([^\"]+)\"", page) == ["/page.css", "/page.js"]
    assert not re.search(r"<script(?! src=)|\son\w+=|style=", page)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1", "localhost.evil"]
)
def test_other_names_are_not_answered(server, host):
    """What a browser sends when another site's name was pointed at this machine."""
    assert ask(server, "/about", Host=host).status in (400, 421)
    assert upload(server, b"x", Host=host).status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:8000", "192.168.0.7:8000"])
def test_addresses_and_localhost_are_answered(server, host):
    assert ask(server, "/about", Host=host).status == 200


def test_other_sites_are_refused(server):
    digit = png(np.zeros((8, 8), np.uint8))
    own = f"http://127.0.0.1:{server.port}"
    assert upload(server, digit, Origin=own).status == 200
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{server.port}", "http://127.0.0.1:1"):
        assert upload(server, digit, Origin=origin).status == 403
    asked = ask(server, "/predict", "OPTIONS", Origin="http://evil.example", Access_Control_Request_Method="POST")
    assert asked.status in (403, 405)
    assert not any(name.startswith("access-control") for name in asked.headers)
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "image/png"):
        assert ask(server, "/predict", "POST", digit, Content_Type=kind).status == 415


@pytest.mark.parametrize(
    "path", ["/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/answer.py", "/predict"]
)
def test_there_is_nothing_else_to_get(server, path):
    assert ask(server, path).status in (404, 405)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, more: bytes = b"", pixels: bytes | None = None) -> bytes:
    """A PNG whose header says this size; by default with all its pixels, which are 0."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    if pixels is None:
        packer = zlib.compressobj(9)
        line = bytes(1 + 4 * width)
        pixels = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    data = chunk(b"IHDR", head) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def text_bomb() -> bytes:
    """8x8 pixels, and a comment that unpacks to 200 MB."""
    packer = zlib.compressobj(9)
    text = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    return png_of(8, 8, chunk(b"zTXt", b"Comment\0\0" + text))


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MALICIOUS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"hello",
    "zeros": lambda: bytes(100_000),
    "svg": lambda: SVG,
    "html": lambda: b"<!DOCTYPE html><script>alert(1)</script>",
    "eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
    "pdf": lambda: b"%PDF-1.4\n",
    "pickle": lambda: b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.",
    "zip": lambda: b"PK\x03\x04" + bytes(50),
    "half a png": lambda: png(np.zeros((64, 64), np.uint8))[:60],
    "png without pixels": lambda: png_of(8, 8, pixels=b""),
    "header of 2^31 pixels": lambda: png_of(46341, 46341, pixels=zlib.compress(b"")),
    "header of 60,000 x 60,000": lambda: png_of(60_000, 60_000, pixels=zlib.compress(bytes(1000))),
    "5,000 x 5,000 zeros in 100 kB": lambda: png_of(5000, 5000),
    "comment of 200 MB": text_bomb,
    "negative tiff": lambda: b"II*\0\xff\xff\xff\xff" + bytes(20),
    "gif of 65535": lambda: b"GIF89a\xff\xff\xff\xff\xf7\0\0" + bytes(800),
    "webp": lambda: b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0",
    "bmp": lambda: b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1 << 30, 0, 0, 54, 40, 1 << 30, 1, 1, 32, 0, 0, 0, 0, 0, 0),
    "ppm": lambda: b"P6 100000 100000 255 ",
    "half a jpeg": lambda: encoded("JPEG")[:400],
    "jpeg without an end": lambda: encoded("JPEG")[:-200],
    "half a webp": lambda: encoded("WEBP")[:200],
    "icon": lambda: encoded("ICO"),
    "photoshop": lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 1 << 20, 1 << 20, 8, 3),
    "jpeg 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    "tar": lambda: b"../../evil.png".ljust(257, b"\0") + b"ustar",
    "safetensors": lambda: struct.pack("<Q", 1 << 40) + b"{}",
    "png with a wrong checksum": lambda: png(np.zeros((8, 8), np.uint8))[:-20] + bytes(20),
    "png of no width": lambda: png_of(0, 8),
}


def encoded(kind: str) -> bytes:
    """A picture of noise in this format."""
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(file, kind)
    return file.getvalue()


def memory(process: subprocess.Popen[str], key: str) -> int:
    """MB of a process: now (VmRSS) or at most so far (VmHWM)."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(rf"{key}:\s+(\d+) kB", text)
    assert found
    return int(found[1]) // 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_malicious_uploads_are_refused_in_little_memory(server):
    upload(server, png(np.zeros((8, 8), np.uint8)))
    before = memory(server.process, "VmRSS")
    for name, make in MALICIOUS.items():
        found = upload(server, make())
        assert found.status == 422, name
        assert "Traceback" not in found.json["error"], name
    assert memory(server.process, "VmHWM") - before < 200
    assert upload(server, png(np.zeros((8, 8), np.uint8))).status == 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_largest_images_taken_stay_below_the_limit(server):
    """Many at once, of the most pixels and the hungriest kind: colour with transparency, of 64 MB when decoded."""
    largest = png_of(4000, 4000)
    upload(server, png(np.zeros((8, 8), np.uint8)))
    before = memory(server.process, "VmRSS")
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(upload(server, largest).status)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200, 200, 200]
    grown = memory(server.process, "VmHWM") - before
    print(f"grown by {grown} MB")
    assert grown < 400


def test_too_much_is_cut_off(server):
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    sent = 0
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", UPLOAD)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    try:
        for piece in endless():
            connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            sent += len(piece)
            assert sent < 100 << 20
    except (BrokenPipeError, ConnectionResetError):
        pass
    connection.close()
    assert ask(server, "/about").status == 200
    declared = upload(server, bytes((20 << 20) + 1))
    assert declared.status == 413
    assert "20 MB" in declared.json["error"]


def test_slow_uploads_are_given_up(run, monkeypatch):
    from cnnwiz.serve import app as module

    monkeypatch.setattr(module, "PATIENCE", 0.05)
    application = module.application(open_trained(run, device="cpu"), "127.0.0.1")
    sent: list[Any] = []

    async def receive() -> Any:
        await anyio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", UPLOAD.encode())]
    scope = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "query_string": b""}
    scope |= {"headers": headers, "http_version": "1.1", "scheme": "http", "server": ("localhost", 1)}
    scope |= {"client": ("127.0.0.1", 2), "root_path": ""}
    anyio.run(application, scope, receive, send)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly(run, number, code):
    with served(run) as server:
        idle = socket.create_connection(("127.0.0.1", server.port))  # an open connection does not hold it up
        assert upload(server, png(np.zeros((9, 7), np.uint8))).status == 200
        server.process.send_signal(number)
        _, said = server.process.communicate(timeout=15)
        idle.close()
        assert server.process.returncode == code
        assert re.fullmatch(r"serving .*; Ctrl-C ends it\n", said)  # no warning, no traceback
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), 1)


def test_what_cannot_be_served_is_said(run, tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert command(["serve", str(run), "--port", str(port)]) == 2
    assert "take another --port" in capsys.readouterr().err
    assert command(["serve", str(tmp_path)]) == 2
    assert command(["serve", str(run), "--host", "no.such.name.invalid"]) == 2
    assert "--host" in capsys.readouterr().err
