"""One process that serves the application until a signal ends it."""

from __future__ import annotations

import ipaddress
import signal
import socket
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from cnnwiz.errors import CnnwizError

CONNECTIONS = 32
"""At once; more are refused with 503."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at `host`; port 0 takes a free one. Raises CnnwizError where that is not possible."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CnnwizError(f"--host {host}: {error.strerror or error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise CnnwizError(f"port {port} of {host} cannot be used: {error.strerror}; take another --port") from None
    return listener


def local(address: str) -> bool:
    """Whether only this computer can reach an address."""
    return ipaddress.ip_address(address.split("%")[0]).is_loopback


def serve(application: Starlette, listener: socket.socket) -> int:
    """Serve until SIGINT or SIGTERM, let requests that run end (3 seconds at most), and return the signal's number."""
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        server.should_exit = True

    # uvicorn listens to both signals while it runs and hands them on here when it has ended.
    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    return heard[0] if heard else 0
