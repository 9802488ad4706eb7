"""Damaged specs: 2,000 mutations end in findings or a CnnwizError, each within two seconds and without much memory."""

from __future__ import annotations

import random
import re
import resource
import time
from collections import Counter
from pathlib import Path

import pytest

from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.graph.wire import MAX_NODES
from cnnwiz.rules import check
from cnnwiz.spec import parse_text
from cnnwiz.spec.file import decode

TEMPLATES = [path.read_bytes() for path in sorted(Path(__file__).parents[1].joinpath("templates").glob("*.yaml"))]
EVERYTHING = b"""\
cnnwiz: 1
name: everything
data:
  source: {folder: {path: nowhere, classes: ["no", b, c]}}
  image_size: 32
  classes: 3
  validation: {fraction: 0.15, seed: 7}
augment:
  - random_resized_crop: {scale: [0.35, 1.0]}
  - horizontal_flip
model:
  defaults: {order: conv-norm-act, norm: batch, activation: {elu: {alpha: 0.5}}, pool: max_plus_avg, init: kaiming}
  layers:
    - conv: {channels: 16, kernel: [7, 5], stride: 2, padding: [1, 2, 3, 4]}  # a comment
    - pool: {kernel: 3, stride: 2, ceil: true, kind: average}
    - repeat: {times: 2, layers: [conv: {channels: 16, groups: 4}, norm, activation: {kind: sigmoid}]}
    - branches: {merge: concat, paths: [[conv: {channels: 8, kernel: 1}], [pool: {kernel: 3}, norm], []]}
    - residual: {layers: [conv: {channels: 24, activation: none}], shortcut: {projection: {always: true}}}
    - basic: {channels: 32, stride: 2, repeat: 2, shortcut: pad}
    - bottleneck: {channels: 64, groups: 4, repeat: 2}
    - dropout: {rate: 0.2}
  head: {flatten: {hidden: [32], dropout: 0.5}}
loss: {cross_entropy: {label_smoothing: 0.1}}
regularization: {l2: {factor: 5.0e-4, skip: [norm, bias]}}
optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true}}
schedule: {step: {warmup_epochs: 2, milestones: [0.5, 0.75]}}
training: {batch_size: 256, epochs: 30, precision: auto, seed: 0}
"""
TOKEN = re.compile(rb"[A-Za-z_][A-Za-z0-9_-]*|[0-9.]+|[^\sA-Za-z0-9]|\s+")
NUMBERS = [b"1", b"2", b"3", b"4", b"5", b"7", b"8", b"12", b"16", b"32", b"64", b"100", b"224", b"1000", b"65536"]
NASTY = [
    *(
        b"",
        b"0",
        b"-1",
        b"1e9",
        b"1e400",
        b".nan",
        b"999999999999999999999",
        b"65536",
        b"1024",
        b"1000",
        b"0.0",
        b"true",
    ),
    *(
        b"null",
        b"yes",
        b"[]",
        b"{}",
        b"[[[[",
        b"}}",
        b"&a",
        b"*a",
        b"!!int",
        b"<<",
        b"? ",
        b"- ",
        b": ",
        b"\t",
        b"#",
        b"%",
    ),
    *(
        b"'",
        b'"',
        b"|",
        b">",
        b"---",
        b"\xff",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\xf0\x9f\x98\x80",
        b"\r",
        b"none",
        b"identity",
    ),
    *(
        b"repeat: {times: 1000, layers: [",
        b"branches: {paths: [[], []]}",
        b"linear: {features: 65536}",
        b"same",
        b"valid",
    ),
]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """`content` after one to four mutations of its bytes, tokens or lines."""
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(["byte", "cut", "token", "swap", "lines", "number", "number", "number", "number"])
        at = rng.randrange(len(content) + 1)
        if kind == "byte":
            content = content[:at] + bytes([rng.randrange(256)]) + content[at + rng.randint(0, 1) :]
        elif kind == "cut":
            content = content[:at] + content[at + rng.randint(1, 40) :]
        elif kind == "lines":
            lines = content.splitlines(keepends=True) or [b""]
            some, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            content = b"".join([*lines[:some], *lines[other : other + rng.randint(0, 4)], *lines[some:]])
        else:
            tokens = TOKEN.findall(content) or [b""]
            some, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
            if kind == "number":
                some = rng.choice([i for i, token in enumerate(tokens) if token.isdigit()] or [0])
            tokens[some] = tokens[other] if kind == "swap" else rng.choice(NUMBERS if kind == "number" else NASTY)
            content = b"".join(tokens)
    return content


def examined(content: bytes) -> str:
    """What becomes of a document: wrong, an impossible or possible network, or stopped by an error for users."""
    try:
        document = decode("x.yaml", content)
        check(document)
        if document.spec is None:
            assert any(finding.severity == "error" for finding in document.findings)
            return "wrong"
        return "impossible" if graph_of(document.spec).finding else "possible"
    except CnnwizError:
        return "stopped"


@pytest.mark.slow
def test_damaged_specs_end_in_findings():
    rng = random.Random(20240511)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ends, slowest = Counter(), 0.0
    for number in range(2000):
        content = damaged(rng.choice([EVERYTHING, *TEMPLATES]), rng)
        began = time.process_time()
        try:
            ends[examined(content)] += 1
        except BaseException:
            print(f"document {number}: {content!r}")
            raise
        slowest = max(slowest, time.process_time() - began)
    # Damage of every kind is tested: of the document, of the network, and such that it does not show.
    assert min(ends["wrong"], 10 * ends["impossible"], 5 * ends["possible"]) > 400, ends
    assert slowest < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("repeat: {times: 1000, layers: [repeat: {times: 1000, layers: [conv: {channels: 8}]}]}", f"{MAX_NODES:,}"),
        ("repeat: {times: 1000, repeat: 1000, layers: [activation: {repeat: 1000, kind: none}]}", f"{MAX_NODES:,}"),
        ("branches: {repeat: 1000, paths: [[], []]}", "fewer channels"),
        ("conv: {channels: 65536, repeat: 1000}", "parameters"),
        (
            "conv: {channels: 65536, kernel: 1024, padding: 1024}, conv: {channels: 65536, kernel: 1024}",
            "fewer channels",
        ),
        ("linear: {features: 65536, repeat: 1000}", "flatten"),
    ],
)
def test_huge_networks_end_in_a_finding_before_anything_is_allocated(layers, says):
    spec = parse_text(f"cnnwiz: 1\nmodel:\n  layers: [{layers}]\n").spec
    assert spec is not None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    graph = graph_of(spec)
    assert time.process_time() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    assert graph.finding is not None
    assert says in graph.finding.message
