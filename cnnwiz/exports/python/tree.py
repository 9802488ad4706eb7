"""The graph as nested parts, as one would write modules: sequences of parts, and blocks whose parts feed each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from cnnwiz.exports.python.leaf import Leaf, leaf_of
from cnnwiz.graph import INPUT
from cnnwiz.nn.fuse import Folded
from cnnwiz.nn.network import Network

SOURCE = 0
"""In `Block.wiring`: the block's input. Part i is i + 1."""


@dataclass(frozen=True)
class Step:
    """One operation, node `node` of the graph."""

    leaf: Leaf
    node: int


@dataclass(frozen=True)
class Chain:
    """Parts one after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Block:
    """Parts with names that read the block's input and each other; the last one is the output."""

    names: tuple[str, ...]
    parts: tuple[Part, ...]
    wiring: tuple[tuple[int, ...], ...]  # what each part reads
    key: str  # the spec's word for the layer


Part: TypeAlias = Step | Chain | Block


class _Placed(NamedTuple):
    """A part with its name, the nodes it reads and the node whose output it makes."""

    name: str
    part: Part
    reads: tuple[int, ...]
    makes: int


def tree_of(network: Network) -> dict[str, Part]:
    """The network's three stretches, `input` (where there is one), `layers` and `head`, each as nested parts.

    Nodes of auxiliary heads, which only training uses, and what folding left of a batch norm are left out.
    """
    nodes = network.graph.nodes
    stands_for = {INPUT: INPUT}  # the node whose output each node passes on
    reads: dict[int, tuple[int, ...]] = {}
    for index, _, inputs, _ in network.steps:
        if index in network.beside:
            continue
        sources = tuple(stands_for[source] for source in inputs)
        if isinstance(nodes[index].operation, Folded):
            stands_for[index] = sources[0]
        else:
            reads[index], stands_for[index] = sources, index
    builder = _Builder(network, reads)
    found: dict[str, Part] = {}
    source = INPUT
    for stretch in ("input", "layers", "head"):
        members = [node for node in reads if nodes[node].name.startswith(f"{stretch}.")]
        if members:
            found[stretch] = builder.part(f"{stretch}.", members, source)
            source = members[-1]
    return found


class _Builder:
    """Nests the nodes by their names: a.b.c is c inside b inside a."""

    def __init__(self, network: Network, reads: dict[int, tuple[int, ...]]) -> None:
        self.nodes, self.reads, self.end = network.graph.nodes, reads, max(reads)
        self.readers: dict[int, set[int]] = {}
        for node, sources in reads.items():
            for source in sources:
                self.readers.setdefault(source, set()).add(node)
        self.modules = {index: module for index, module, _, _ in network.steps}

    def part(self, prefix: str, members: Sequence[int], source: int) -> Part:
        """The nodes below `prefix`, which read nothing but each other and `source`."""
        scope = sorted(self._parts(prefix, members, ""), key=lambda found: found.makes)
        places = {source: SOURCE} | {found.makes: place for place, found in enumerate(scope, 1)}
        wiring = tuple(tuple(places[read] for read in found.reads) for found in scope)
        if wiring == tuple((place,) for place in range(len(wiring))):
            return _chain(scope)
        path = self.nodes[members[-1]].path
        key = next(word for word in reversed(path) if isinstance(word, str) and word != "layers")
        return Block(tuple(found.name for found in scope), tuple(found.part for found in scope), wiring, key)

    def _parts(self, prefix: str, members: Sequence[int], above: str) -> list[_Placed]:
        """The children of `prefix`; one that has several inputs or outputs is opened in its place."""
        children: dict[str, list[int]] = {}
        for node in members:
            children.setdefault(self.nodes[node].name.removeprefix(prefix).split(".")[0], []).append(node)
        found: list[_Placed] = []
        for child, inside in children.items():
            name, node = f"{above}{child}", inside[-1]
            if self.nodes[node].name == f"{prefix}{child}":
                leaf = leaf_of(self.modules[node], len(self.reads[node]))
                found.append(_Placed(name, Step(leaf, node), self.reads[node], node))
                continue
            inputs = {read for node in inside for read in self.reads[node]} - set(inside)
            outputs = [node for node in inside if self.readers.get(node, set()) - set(inside) or node == self.end]
            if len(inputs) == len(outputs) == 1:
                (source,), (made,) = inputs, outputs
                found.append(_Placed(name, self.part(f"{prefix}{child}.", inside, source), (source,), made))
            else:
                found += self._parts(f"{prefix}{child}.", inside, f"{name}_")
        return found


def _chain(scope: list[_Placed]) -> Part:
    """Parts in a row. A row of units inside a row is part of it; a single unit (convolution, norm, activation) stays
    together."""
    parts: list[Part] = []
    for name, part, _, _ in scope:
        if isinstance(part, Chain) and (name == "between" or not all(isinstance(inner, Step) for inner in part.parts)):
            parts += part.parts
        else:
            parts.append(part)
    return parts[0] if len(parts) == 1 else Chain(tuple(parts))
