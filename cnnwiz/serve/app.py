"""The application: the page, what it says about the run, and the answer to an upload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import Trained
from cnnwiz.serve.answer import answer
from cnnwiz.serve.guard import Guard
from cnnwiz.text import visible

MOST_BYTES = 20 * 2**20
"""Of an upload."""
PATIENCE = 30
"""Seconds in which an upload must have arrived."""
NAMED = 50
"""Classes that the page lists."""
UPLOAD = "application/octet-stream"
"""The type of an upload. Forms of other sites cannot send it without asking first, and that is refused."""


def application(trained: Trained, host: str) -> Starlette:
    """The ASGI application for a run's network; `host` is the name it is served under."""
    one_at_a_time = anyio.CapacityLimiter(1)  # so that many uploads take no more memory than one

    async def about(request: Request) -> Response:
        names = [visible(name) for name in trained.classes]
        preprocessing = trained.preprocessing
        facts = {"name": trained.spec.name, "run": visible(str(trained.run)), "weights": trained.weights}
        facts |= {"epoch": trained.epoch, "image_size": preprocessing["image_size"], "classes": len(names)}
        return JSONResponse(facts | {"names": names[:NAMED], "most_bytes": MOST_BYTES})

    async def predict(request: Request) -> Response:
        if request.headers.get("content-type", "") != UPLOAD:
            return _refused(415, f"send the bytes of one image as {UPLOAD}")
        try:
            with anyio.fail_after(PATIENCE):
                content = await _body(request)
        except TimeoutError:
            return _refused(408, f"the image did not arrive within {PATIENCE} seconds")
        except ClientDisconnect:
            return Response(status_code=400)
        if content is None:
            return _refused(413, f"more than {MOST_BYTES >> 20} MB: send a smaller image")
        if not content:
            return JSONResponse({"error": "the file is empty"}, 422)
        try:
            work = partial(answer, trained, content)
            return JSONResponse(await anyio.to_thread.run_sync(work, limiter=one_at_a_time))
        except CnnwizError as error:
            return JSONResponse({"error": visible(str(error))}, 422)

    routes = [
        Route("/", _file("page.html", "text/html")),
        Route("/page.css", _file("page.css", "text/css")),
        Route("/page.js", _file("page.js", "text/javascript")),
        Route("/favicon.ico", _nothing),
        Route("/about", about),
        Route("/predict", predict, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, host=host)])


async def _body(request: Request) -> bytes | None:
    """The body, None where it is more than MOST_BYTES. Of what is too much the same again is read and dropped, because
    most clients listen only when they have sent all."""
    content, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > 2 * MOST_BYTES:
            break
        if size <= MOST_BYTES:
            content += chunk
    return bytes(content) if size <= MOST_BYTES else None


def _refused(status: int, error: str) -> Response:
    """A refusal that ends the connection, however much the client has still to send."""
    return JSONResponse({"error": error}, status, {"Connection": "close"})


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that sends a file of this package."""
    text = files("cnnwiz.serve").joinpath(name).read_text(encoding="utf-8")

    async def send(request: Request) -> Response:
        return Response(text, media_type=kind)

    return send


async def _nothing(request: Request) -> Response:
    return Response(status_code=204)
