"""Ranks that talk over loopback: what each gets is what all gave, and one that is gone or a stranger is noticed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributed as dist

from cnnwiz.training.mesh import HEADER, LIMIT, Mesh, _prepared


def meshes(count: int) -> list[Mesh]:
    """As many ranks in this process, connected over loopback."""
    others: list[dict[int, socket.socket]] = [{} for _ in range(count)]
    for first in range(count):
        for second in range(first):
            with socket.create_server(("127.0.0.1", 0)) as server:
                others[first][second] = _prepared(socket.create_connection(server.getsockname()))
                others[second][first] = _prepared(server.accept()[0])
    for connections in others:
        for connection in connections.values():
            connection.settimeout(20)
    return [Mesh(number, dict(sorted(connections.items()))) for number, connections in enumerate(others)]


@given(
    count=st.integers(2, 5),
    shape=st.lists(st.integers(0, 9), max_size=3),
    kind=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool]),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_rank_gets_what_all_gave(count, shape, kind, seed):
    given_ = torch.from_numpy(np.random.default_rng(seed).normal(0, 1e6, (count, *shape))).to(kind)
    ranks = meshes(count)
    with ThreadPoolExecutor(count) as pool:
        for turn in (given_, given_.flip(0)):
            for found in pool.map(lambda mesh, turn=turn: mesh.gather(turn[mesh.number]), ranks):
                assert torch.equal(found, turn)
    for mesh in ranks:
        mesh.close()


@pytest.mark.parametrize("count", [2, 6])
def test_all_may_send_as_much_as_is_allowed_before_any_receives(count):
    ranks = meshes(count)
    for mesh in ranks:
        for connection in mesh.others.values():
            connection.sendall(
                bytes(LIMIT + HEADER.size)
            )  # in one thread: it would wait for ever where buffers are full
            for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                assert connection.getsockopt(socket.SOL_SOCKET, buffer) >= LIMIT + HEADER.size
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    for mesh in ranks:
        mesh.close()


def test_a_rank_that_is_gone_is_named():
    ranks = meshes(2)
    ranks[1].close()
    with pytest.raises(dist.DistError, match=r"rank 1: (it hung up|Connection reset|Broken pipe)"):
        ranks[0].gather(torch.zeros(3))
    ranks[0].close()


@pytest.mark.parametrize("other", [torch.zeros(4), torch.zeros(3, dtype=torch.float64), None])
def test_ranks_out_of_step_are_noticed(other):
    """Another length, another type, or one exchange more."""
    ranks = meshes(2)
    if other is None:
        ranks[1].turn += 1
    given_ = [torch.zeros(3), torch.zeros(3) if other is None else other]
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(mesh.gather, values) for mesh, values in zip(ranks, given_, strict=True)]
        said = []
        for rank, future in enumerate(found):
            with pytest.raises(dist.DistError, match=f"rank {1 - rank}: ") as caught:
                future.result()
            said.append(str(caught.value))
    assert any("another point of the training" in text for text in said)
    assert not any("timed out" in text for text in said)
    for mesh in ranks:
        mesh.close()


def test_a_rank_that_is_silent_is_named():
    ranks = meshes(2)
    ranks[0].others[1].settimeout(0.05)
    with pytest.raises(dist.DistError, match="rank 1: timed out"):
        ranks[0].gather(torch.zeros(3))
    for mesh in ranks:
        mesh.close()


PROGRAM = """
import json, os, platform, sys
import torch
from cnnwiz.training import mesh
from cnnwiz.training.distributed import join
if sys.argv[1] == "stranger":
    mesh.PATIENCE, call = 1.0, mesh._call
    mesh._call = lambda port, number, secret, wait: call(port, number, bytes(16) if number == 2 else secret, wait)
if sys.argv[1] == "deaf" and os.environ["RANK"] == "1":
    mesh._listen = lambda count, patience: None
if sys.argv[1] == "elsewhere":
    platform.node = lambda: "machine" + os.environ["RANK"]
ranks = join("cpu")
values = torch.tensor([1.5, 2.0**40 + 1], dtype=torch.float64) * (ranks.number + 1)
large = torch.full((20_000,), ranks.number + 1, dtype=torch.float64)
found = [ranks._mesh is not None, ranks.agree(ranks.number * 7), ranks.total(values).tolist(),
         ranks.total(large).unique().tolist()]
print(json.dumps(found), flush=True)
ranks.leave()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "connected"), [("alike", True), ("stranger", False), ("elsewhere", False), ("deaf", False)]
)
def test_ranks_meet_and_do_without_where_one_cannot(case, connected):
    """The same sums either way; a caller who does not know the secret is no rank."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    world = {**os.environ, "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, case], env={**world, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True
        )
        for rank in range(3)
    ]
    for process in processes:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert json.loads(said) == [connected, 14, [9.0, 6 * (2.0**40 + 1)], [6.0]]
