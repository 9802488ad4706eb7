"""The text of a network: its functions, classes and the network itself; and where each of its tensors then lies."""

from __future__ import annotations

import builtins
import textwrap
from collections.abc import Iterator

from cnnwiz.catalog import find
from cnnwiz.exports.python.define import Definition, Definitions, Slot, arguments_of, repeated
from cnnwiz.exports.python.layout import WIDTH, Call, Text, laid_out, literal, statement
from cnnwiz.exports.python.leaf import Leaf, own_class
from cnnwiz.exports.python.tree import SOURCE, Block, Chain, Part, Step, tree_of
from cnnwiz.graph import Graph
from cnnwiz.nn.network import Network

WORDS = {
    "nn.Conv2d": "convolution",
    "nn.BatchNorm2d": "batch norm",
    "nn.BatchNorm1d": "batch norm",
    "nn.GroupNorm": "group norm",
    "nn.Linear": "linear layer",
    "nn.MaxPool2d": "max pooling",
    "nn.AvgPool2d": "average pooling",
}


class Written:
    """A network as text. `code` are its functions and classes, `classes` the names of ours that it calls."""

    def __init__(self, network: Network) -> None:
        self.graph = network.graph
        self.stretches = tree_of(network)
        self.definitions = Definitions(self.stretches.values())
        self.classes = {own for leaf in _leaves(self.stretches.values()) if (own := own_class(leaf))}
        texts = [_definition(definition, self.definitions) for definition in self.definitions.found.values()]
        self.code = "\n\n".join([*texts, self._network()])

    def paths(self) -> dict[str, str]:
        """Where the module of each node (by its name in the run) lies in the written network."""
        nodes = self.graph.nodes
        return {
            nodes[step.node].name: f"{path}{step.leaf.inner}"
            for name, part in self.stretches.items()
            for path, step in _located(part if isinstance(part, Chain) else Chain((part,)), f"{name}.")
        }

    def _network(self) -> str:
        """The class Network: a Sequential for each stretch, a line for each layer with the shape behind it."""
        lines = ["class Network(nn.Module):", f'    """{_shapes(self.graph)}"""', "", "    def __init__(self):"]
        lines += ["        super().__init__()"]
        for name, part in self.stretches.items():
            slots = [Slot(literal(argument.value), True, argument.value) for argument in arguments_of(part)]
            parts = part.parts if isinstance(part, Chain) else (part,)
            lines += [f"        self.{name} = nn.Sequential(", *self._layers(parts, slots), "        )"]
        flow = "x"
        for name in self.stretches:
            flow = f"self.{name}({flow})"
        return "\n".join([*lines, "", "    def forward(self, x):", f"        return {flow}", ""])

    def _layers(self, parts: tuple[Part, ...], slots: list[Slot]) -> list[str]:
        """Equal neighbours become one line."""
        groups: list[tuple[Text, int, Part]] = []
        start = 0
        for part in parts:
            text = self.definitions.text(part, slots, start)
            start += len(arguments_of(part))
            if groups and groups[-1][0] == text:
                groups[-1] = (text, groups[-1][1] + 1, part)
            else:
                groups.append((text, 1, part))
        lines = []
        for text, count, part in groups:
            shape = "x".join(map(str, self.graph.nodes[_last(part)].output))
            behind = f",  # {shape}"
            for one in repeated(text, count):
                written = laid_out(one, 12, 0, len(behind))
                # A comment behind the bracket of a call over several lines counts in its last line only.
                lines += f"            {written}{behind}".split("\n")
        return lines


def _shapes(graph: Graph) -> str:
    shape = ", ".join(map(str, graph.input))
    return f"Images (B, {shape}) to {graph.output[0]} {'scores' if graph.output == (graph.classes,) else 'features'}."


def _definition(definition: Definition, definitions: Definitions) -> str:
    """A function that returns a Sequential, or a class."""
    if isinstance(definition.part, Chain):
        words = [_word(step.leaf) for step in definition.part.parts if isinstance(step, Step)]
        inner, start = [], 0
        for part in definition.part.parts:
            inner.append(("", definitions.text(part, definition.slots, start)))
            start += len(arguments_of(part))
        head = statement("def ", Call(definition.name, _signature(definition)), 0, ":")
        body = statement("return ", Call("nn.Sequential", tuple(inner)), 4)
        return f'{head}    """{_capital(", ".join(words))}, one behind the other."""\n{body}'
    return _class(definition, definition.part, definitions)


def _class(definition: Definition, block: Block, definitions: Definitions) -> str:
    lines = [f"class {definition.name}(nn.Module):\n", _doc(definition, block), "\n"]
    made, start = [], 0
    for name, part in zip(block.names, block.parts, strict=True):
        if not (isinstance(part, Step) and part.leaf.written):
            made.append(statement(f"self.{name} = ", definitions.text(part, definition.slots, start), 8))
        start += len(arguments_of(part))
    if made:
        head = Call("__init__", (("", "self"), *_signature(definition)))
        lines += [statement("def ", head, 4, ":"), "        super().__init__()\n", *made, "\n"]
    return "".join([*lines, "    def forward(self, x):\n", *_forward(block)])


def _signature(definition: Definition) -> tuple[tuple[str, str], ...]:
    return tuple(
        ("", parameter.name) if parameter.required else (parameter.name, literal(parameter.default))
        for parameter in definition.parameters
    )


def _doc(definition: Definition, block: Block) -> str:
    """What the catalogue says of the layer, its first sentence."""
    if definition.name == "MaxPlusAverage":
        said = "Sum of max pooling and average pooling of the same window."
    else:
        cards = find(block.key)
        said = cards[0].card()["what"] if cards else "Parts that read each other."
        said = f"{said.split('. ')[0].split(': ')[0].replace('`', '').rstrip('.')}."
    wrapped = textwrap.wrap(f'"""{said}', WIDTH - 8, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(wrapped) + ('"""\n' if len(wrapped) == 1 else '\n    """\n')


def _forward(block: Block) -> Iterator[str]:
    """A line for each part; values that only the next part reads go on under one name."""
    last_read = {place: reader for reader, reads in enumerate(block.wiring, 1) for place in reads}
    values = {SOURCE: "x"}
    for place, (name, part, reads) in enumerate(zip(block.names, block.parts, block.wiring, strict=True), 1):
        text = _applied(name, part, [values[read] for read in reads])
        if place == len(block.parts):
            yield statement("return ", text, 8)
            return
        readers = [reader for reader, sources in enumerate(block.wiring, 1) if place in sources]
        if readers != [place + 1]:
            values[place] = f"{name}_" if hasattr(builtins, name) or name in ("x", "y") else name
        else:
            values[place] = "x" if last_read[SOURCE] <= place else "y"
        yield statement(f"{values[place]} = ", text, 8)


def _applied(name: str, part: Part, values: list[str]) -> Text:
    """A part applied to these values."""
    if not (isinstance(part, Step) and part.leaf.written):
        return f"self.{name}({', '.join(values)})"
    if part.leaf.call.startswith("torch.cat"):
        return Call("torch.cat", (("", Call("", tuple(("", value) for value in values))), ("dim", "1")))
    return part.leaf.call.format(*values)


def _located(part: Part, path: str) -> Iterator[tuple[str, Step]]:
    """Every step with the path of its module."""
    if isinstance(part, Step):
        yield path, part
        return
    names = part.names if isinstance(part, Block) else tuple(map(str, range(len(part.parts))))
    for name, inner in zip(names, part.parts, strict=True):
        yield from _located(inner, f"{path}{name}.")


def _leaves(parts: object) -> Iterator[Leaf]:
    for part in parts:  # pyright: ignore[reportGeneralTypeIssues]
        yield from (step.leaf for _, step in _located(part, ""))


def _last(part: Part) -> int:
    """The node whose output the part makes."""
    return part.node if isinstance(part, Step) else _last(part.parts[-1])


def _word(leaf: Leaf) -> str:
    kind = leaf.call.split(".")[-1]
    return WORDS.get(leaf.call, kind if kind.isupper() or any(c.isupper() for c in kind[1:]) else kind.lower())


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
