"""What `cnnwiz lint --module` reads of torchvision's classification CNNs, and what it says of each family.

    python tests/campaigns/torchvision_lint.py        about a minute and a half of one core

Prints the table of the README. Parameters are compared with those of the modules, multiply-adds with torchvision's own
figures (GFLOPS in the weights' metadata, which count one multiply-add as one).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import NamedTuple

import torchvision

from cnnwiz.nn.trace import load_module, trace
from cnnwiz.rules import lint_graph

NO_CNN = ("vit", "swin", "maxvit")
FAMILIES = {
    "vgg\\d+_bn": "VGG with batch norm",
    "vgg": "VGG",
    "wide_resnet|resnet": "ResNet, wide ResNet",
    "resnext": "ResNeXt",
    "efficientnet_v2": "EfficientNetV2",
    "efficientnet": "EfficientNet",
    "mobilenet_v2|mobilenet_v3|mnasnet": "MobileNet, MNASNet",
    "regnet": "RegNet",
    "shufflenet": "ShuffleNetV2",
    "squeezenet": "SqueezeNet",
    "densenet": "DenseNet",
    "convnext": "ConvNeXt",
    "alexnet": "AlexNet",
    "googlenet": "GoogLeNet",
    "inception": "Inception v3",
}


class Reading(NamedTuple):
    """One network: how much of it was read, and the rules that found something."""

    operations: int
    unread: int
    parameters: int
    parameters_read: int
    macs: float  # of torchvision's
    macs_read: float
    codes: frozenset[tuple[str, str]]


def names() -> list[str]:
    """torchvision's classification networks but for transformers."""
    every = torchvision.models.list_models(module=torchvision.models)
    return [name for name in every if not name.startswith(NO_CNN)]


def published_macs(name: str) -> float:
    """Multiply-adds in units of 10^9, by the metadata of its first weights."""
    return next(iter(torchvision.models.get_model_weights(name))).meta["_ops"]


def read(name: str) -> Reading:
    """A network at the size of its published weights."""
    side = 299 if name == "inception_v3" else crop(name)
    traced = trace(load_module(f"torchvision.models:{name}"), (3, side, side), name)
    found = frozenset((finding.code, finding.name) for finding in lint_graph(traced.graph))
    held = sum(node.parameter_count for node in traced.graph.nodes if node.kind != "unread")
    macs = traced.graph.macs / 1e9
    return Reading(
        len(traced.graph.nodes), len(traced.unread), traced.parameters, held, published_macs(name), macs, found
    )


def crop(name: str) -> int:
    """The side of the images that its first weights were trained for."""
    size = next(iter(torchvision.models.get_model_weights(name))).transforms().crop_size
    return size if isinstance(size, int) else size[0]


def family(name: str) -> str:
    return next(title for pattern, title in FAMILIES.items() if re.match(pattern, name))


def main() -> None:
    found: dict[str, list[Reading]] = defaultdict(list)
    for name in names():
        found[family(name)].append(read(name))
    every = [reading for readings in found.values() for reading in readings]
    print("| family | networks | operations read | parameters read | multiply-adds | what lint says |")
    print("| --- | --- | --- | --- | --- | --- |")
    for title, readings in sorted(found.items()):
        operations = sum(r.operations for r in readings)
        parameters = sum(r.parameters_read for r in readings) / sum(r.parameters for r in readings)
        read_share = 1 - sum(r.unread for r in readings) / operations
        off = max(abs(r.macs_read / r.macs - 1) for r in readings)
        codes = Counter(code for r in readings for code in r.codes)
        said = ", ".join(
            f"{code} {name}" + (f" ({count})" if count < len(readings) else "")
            for (code, name), count in sorted(codes.items())
        )
        row = (title, len(readings), f"{read_share:.1%}", f"{parameters:.2%}", f"within {off:.1%}", said or "nothing")
        print("| " + " | ".join(map(str, row)) + " |")
    print(f"\n{len(every)} networks; {sum(r.unread for r in every)} operations not read")


if __name__ == "__main__":
    main()
