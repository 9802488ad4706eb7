"""Specs damaged in their bytes, tokens, lines and structure, and what must hold for each: for a test and a campaign."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from test_spec_fuzz import EVERYTHING, TEMPLATES, damaged

from cnnwiz.rules import check
from cnnwiz.rules.repair import repaired
from cnnwiz.spec import Document, Finding
from cnnwiz.spec.file import decode

LIMIT = 2.0  # seconds of processor time for one document
WORDS = ["elu", "selu", "tanh", "step", "hinge", "adam", "average", "gaussian", "xavier", "lecun", "bach", "rellu"]
VALUES: list[Any] = [0, 1, 3, 7, 64, 0.5, 0.9, True, False, [], {}, None, "none", "1e-3", *WORDS]
COMMENTS = [
    "  # cnnwiz: ignore[CNN301] as published",
    "  # cnnwiz: ignore[CNN2, relu-without-norm]",
    "  # cnnwiz: ignore[not-a-rule] x",
    "\n# cnnwiz: ignore-file[CNN4] studied here",
    "\nname: again\nname: again",
    "  # \u5352 caf\u00e9 \U0001f600",
]


def mutated(rng: random.Random) -> bytes:
    """A spec after some damage of one kind; half of them are still specs."""
    content = rng.choice([EVERYTHING, *TEMPLATES])
    kind = rng.choice(["bytes, tokens, lines", "structure", "words", "words", "comments"])
    if kind == "bytes, tokens, lines":
        return damaged(content, rng)
    if kind == "structure":
        tree = yaml.safe_load(content)
        for _ in range(rng.randint(1, 3)):
            _change(tree, rng)
        flow = rng.choice([None, False])
        content = yaml.safe_dump(tree, sort_keys=False, default_flow_style=flow, width=rng.choice([40, 120])).encode()
    if kind == "words":
        content = _other_words(content, rng)
    for _ in range(rng.choice([0, 0, 0, 1, 3]) + (kind == "comments")):
        lines = content.splitlines(keepends=True)
        index = rng.randrange(len(lines))
        line = lines[index].rstrip(b"\r\n")
        lines[index] = line.replace(b"0.1", b"1e-1") + rng.choice(COMMENTS).encode() + b"\n"
        content = b"".join(lines)
    content = content.replace(b"\n", rng.choice([b"\n", b"\r\n"])) if b"\r" not in content else content
    return rng.choice([b"", b"", b"\xef\xbb\xbf"]) + (content if rng.random() < 0.8 else content.rstrip())


SWAPS = {
    rb"\b(relu|elu|selu|tanh|sigmoid|maxout)\b": ["relu", "elu", "selu", "tanh", "sigmoid", "maxout"],
    rb"\b(batch|group|layer|weight)\b": ["batch", "group", "layer", "weight", "none", "local_response"],
    rb"\b(linear|cosine|step|exponential)\b": ["linear", "cosine", "step", "exponential", "constant"],
    rb"\b(kaiming|xavier|lecun|gaussian)\b": ["kaiming", "xavier", "lecun", "gaussian", "orthogonal", "lsuv"],
    rb"\b(sgd|momentum|adam|adamw): \{[^}]*\}": ["adam: {lr: 1e-3}", "sgd: {lr: 0.1}", "kfac: {}", "lbfgs: {}"],
    rb"\b0\.5\b": ["0.9", "5e-1", "0.2"],
    rb"\bmax\b": ["average", "stochastic", "max_plus_avg"],
    rb"model:\n": [
        "model:\n  defaults: {activation: elu, norm: none, init: xavier}\n",
        "loss: hinge\nmodel:\n",
        "loss: {cross_entropy: {label_smoothing: 0.9}}\nmodel:\n",
        "model:\n  defaults: {activation: selu, pool: average, norm: none}\n",
    ],
    rb"- conv: \{": [
        "- conv: {bias: true, ",
        "- conv: {norm: none, activation: sigmoid, ",
        "- dropout: {rate: 0.8}\n    - conv: {",
    ],
}
"""What the rules look at, and what else can stand there."""


def _other_words(content: bytes, rng: random.Random) -> bytes:
    """Exchange some choices for others that are allowed in their place."""
    for _ in range(rng.randint(1, 4)):
        pattern, words = rng.choice(list(SWAPS.items()))
        found = list(re.finditer(pattern, content))
        if found:
            match = rng.choice(found)
            content = content[: match.start()] + rng.choice(words).encode() + content[match.end() :]
    return content


def _change(tree: Any, rng: random.Random) -> None:
    """Replace, remove, add or move one value somewhere in a tree of dicts and lists."""
    places = list(_places(tree))
    holder, key = rng.choice(places)
    kind = rng.choice(["value", "value", "choice", "remove", "rename", "move", "twice"])
    if kind == "value":
        holder[key] = rng.choice(VALUES)
    elif kind == "choice":
        words = [place for place in places if isinstance(place[0][place[1]], str)]
        holder, key = rng.choice(words or places)
        holder[key] = rng.choice(WORDS)
    elif kind == "remove":
        del holder[key]
    elif kind == "rename" and isinstance(holder, dict):
        holder[f"{key}x" if rng.random() < 0.5 else str(key)[:-1]] = holder.pop(key)
    elif kind == "move":
        other, place = rng.choice(places)
        holder[key] = other[place] if not isinstance(other[place], (dict, list)) else rng.choice(VALUES)
    elif kind == "twice" and isinstance(holder, list):
        holder.insert(key, holder[key] if not isinstance(holder[key], (dict, list)) else {"conv": {"channels": 8}})


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every value below the top."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from _places(tree[key])


@dataclass
class Outcome:
    """What became of a document."""

    kind: str
    seconds: float
    """Of processor time: to look at it, or to repair it, whichever took longer."""
    fixes: list[str] = field(default_factory=list)
    """Codes of the findings that could be repaired, each alone and all together."""
    refused: list[str] = field(default_factory=list)
    """Code and reason of each repair that was not made when all were asked for."""


def examined(content: bytes) -> Outcome:
    """Look at a document, make each repair alone and all of them, and hold the results against the document."""
    began = time.process_time()
    document = decode("x.yaml", content)
    findings = check(document)
    looked = time.process_time() - began
    for finding in findings:
        assert 0 <= finding.span.start <= finding.span.end <= len(document.text)
    assert document.spec is not None or any(f.severity == "error" for f in findings)
    repairable = [f for f in findings if f.fix and f.fix.edits]
    for finding in repairable:
        _alone(document, finding)
    began = time.process_time()
    together = repaired(document, check, unsafe=True)
    took = time.process_time() - began
    assert repaired(together.document, check, unsafe=True).applied == (), "a second run changes nothing"
    safe = repaired(document, check, unsafe=False)
    assert repaired(safe.document, check, unsafe=False).applied == (), "a second run changes nothing"
    if document.spec is not None:
        assert safe.document.spec == document.spec
        assert together.document.spec is not None
    kind = "spec" if document.spec else "wrong" if document.root else "unreadable"
    return Outcome(
        kind, max(looked, took), [f.code for f in repairable], [f"{f.code}: {reason}" for f, reason in together.refused]
    )


def _alone(document: Document, finding: Finding) -> None:
    """One repair changes what its edits say and nothing else, in the text and in the tree."""
    assert finding.fix is not None
    turns = iter([[finding]])
    repair = repaired(document, lambda _: next(turns, []), unsafe=True)
    if not repair.applied:
        return
    before, after = document.text, repair.document.text
    edits = sorted(finding.fix.edits, key=lambda edit: edit.start)
    kept = [before[a:b] for a, b in zip([0, *(e.end for e in edits)], [*(e.start for e in edits), None], strict=True)]
    assert after == "".join(part for pair in zip(kept, [*(e.text for e in edits), ""], strict=True) for part in pair)
    near = finding.path[:-1]
    for path in differences(plain(before), plain(after)):
        assert path[: len(near)] == near[: len(path)], (path, finding)


def plain(text: str) -> Any:
    """The tree as PyYAML reads it, all scalars as texts."""
    return yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506, it makes texts only


def differences(one: Any, other: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths at which two trees differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            missing = key not in one or key not in other
            yield from [(*path, key)] if missing else differences(one[key], other[key], (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, (*path, index))
    elif one != other:
        yield path
