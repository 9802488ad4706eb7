"""Published networks: parameter counts, and outputs equal to torchvision's once its weights are copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from cnnwiz.graph import Graph, graph_of, wire_model
from cnnwiz.nn.network import Network
from cnnwiz.spec import parse_text

TEMPLATES = Path(__file__).parents[1] / "templates"
ALEXNET = """\
cnnwiz: 1
name: alexnet
data: {source: {folder: {path: data/imagenet}}, image_size: 224, classes: 1000}
model:
  defaults: {norm: none}
  layers:
    - conv: {channels: 64, kernel: 11, stride: 4, padding: 2}
    - pool: {kernel: 3, stride: 2, padding: valid}
    - conv: {channels: 192, kernel: 5}
    - pool: {kernel: 3, stride: 2, padding: valid}
    - conv: {channels: 384}
    - conv: {channels: 256, repeat: 2}
    - pool: {kernel: 3, stride: 2, padding: valid}
    - dropout
    - linear: {features: 4096}
    - dropout
    - linear: {features: 4096}
  head: flatten
"""
RESNET20 = """\
cnnwiz: 1
data: {source: {cifar10: {path: data/cifar10}}}
model:
  layers:
    - conv: {channels: 16}
    - basic: {channels: 16, repeat: 3, shortcut: SHORTCUT}
    - basic: {channels: 32, stride: 2, repeat: 3, shortcut: SHORTCUT}
    - basic: {channels: 64, stride: 2, repeat: 3, shortcut: SHORTCUT}
"""
NIN_CIFAR = """\
cnnwiz: 1
data: {source: {cifar10: {path: data/cifar10}}}
model:
  defaults: {norm: none}
  layers:
    - conv: {channels: 192, kernel: 5}
    - conv: {channels: 160, kernel: 1}
    - conv: {channels: 96, kernel: 1}
    - pool: {kernel: 3, stride: 2, padding: 0, ceil: true}
    - dropout
    - conv: {channels: 192, kernel: 5}
    - conv: {channels: 192, kernel: 1, repeat: 2}
    - pool: {kernel: 3, stride: 2, padding: 0, ceil: true, kind: average}
    - dropout
    - conv: {channels: 192, kernel: 3}
    - conv: {channels: 192, kernel: 1}
    - conv: {channels: 10, kernel: 1}
"""
CAFFENET = (TEMPLATES / "caffenet128.yaml").read_text(encoding="utf-8")


def template(name: str) -> str:
    return (TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8")


def graph(text: str) -> Graph:
    document = parse_text(text)
    assert document.spec is not None, document.findings
    return graph_of(document.spec)


def wide(text: str) -> str:
    """Bottlenecks twice as wide in the middle."""
    for channels in (256, 512, 1024, 2048):
        text = text.replace(
            f"bottleneck: {{channels: {channels},", f"bottleneck: {{channels: {channels}, width: {channels // 2},"
        )
    return text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (template("resnet18"), 11_689_512),
        (template("resnet34"), 21_797_672),
        (template("resnet50"), 25_557_032),
        (template("resnext50"), 25_028_904),
        (wide(template("resnet50")), 68_883_240),
        (template("vgg16"), 138_357_544),
        (template("vgg16_bn"), 138_365_992),
        (ALEXNET, 61_100_840),
        (CAFFENET, 13_300_072),
        (CAFFENET.replace("image_size: 128\n  canvas: 144", "image_size: 227").replace("2048", "4096"), 60_965_224),
        (RESNET20.replace("SHORTCUT", "pad"), 269_722),
        (RESNET20.replace("SHORTCUT", "projection"), 272_474),
        (RESNET20.replace("SHORTCUT", "pad").replace("repeat: 3", "repeat: 9"), 853_018),
        (RESNET20.replace("SHORTCUT", "pad").replace("repeat: 3", "repeat: 18"), 1_727_962),
        # The published one ends in pooling, without the linear layer of our head: 10 * 10 weights and 10 biases.
        (NIN_CIFAR, 966_986 + 110),
    ],
    ids=lambda value: value.split("name: ")[-1].split("\n")[0] if isinstance(value, str) else f"{value:,}",
)
def test_parameter_counts(text, count):
    assert graph(text).parameters == count


def test_multiply_adds_of_caffenet_are_those_of_its_table():
    assert graph(CAFFENET).macs == pytest.approx(209.0e6, abs=5e4)


def test_resnet50_fits_in_thirty_lines():
    lines = template("resnet50").split("model:\n")[1].split("\nregularization:")[0].splitlines()
    assert len(lines) + 1 <= 30


ORACLES: list[tuple[str, Callable[[], nn.Module], str, int]] = [
    ("resnet18", torchvision.models.resnet18, template("resnet18"), 64),
    ("resnet34", torchvision.models.resnet34, template("resnet34"), 64),
    ("resnet50", torchvision.models.resnet50, template("resnet50"), 64),
    ("resnext50_32x4d", torchvision.models.resnext50_32x4d, template("resnext50"), 64),
    ("wide_resnet50_2", torchvision.models.wide_resnet50_2, wide(template("resnet50")), 64),
    ("vgg16", torchvision.models.vgg16, template("vgg16"), 224),
    ("vgg16_bn", torchvision.models.vgg16_bn, template("vgg16_bn"), 224),
    ("alexnet", torchvision.models.alexnet, ALEXNET, 224),
]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "text", "side"), [row[1:] for row in ORACLES], ids=[row[0] for row in ORACLES])
def test_outputs_equal_torchvision_with_its_weights(make, text, side):
    torch.manual_seed(0)
    with torch.device("meta"):  # without torchvision's own initial values, which take seconds
        theirs = make().eval()
    randomize(theirs.to_empty(device="cpu"))
    spec = parse_text(text).spec
    assert spec is not None
    computed = wire_model(spec.model, (3, side, side), 1000, spec.name)
    with torch.device("meta"):
        ours = Network(computed)
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        take_weights(ours, theirs, images)
        expected, actual = theirs(images), ours.eval()(images)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert float(expected.std()) > 1e-3  # outputs that could differ


def randomize(network: nn.Module) -> None:
    """Fill every tensor: weights that keep the signal's size, batch norms with statistics other than 0 and 1."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.1, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            for name, tensor in module.state_dict().items():
                low, high = (0.5, 1.5) if name in ("weight", "running_var") else (-0.2, 0.2)
                nn.init.uniform_(tensor, low, high) if tensor.is_floating_point() else tensor.zero_()


def take_weights(ours: Network, theirs: nn.Module, images: Tensor) -> None:
    """Share the weights of `theirs`, module by module in the order in which each network calls them."""
    called: list[nn.Module] = []
    hooks = [
        m.register_forward_hook(lambda module, *_: called.append(module)) for m in theirs.modules() if has_weights(m)
    ]
    theirs(images)
    for hook in hooks:
        hook.remove()
    receivers = [module for _, module, _, _ in ours.steps if has_weights(module)]
    for receiver, giver in zip(receivers, called, strict=True):
        assert type(receiver) is type(giver)
        receiver.load_state_dict(giver.state_dict(), assign=True)


def has_weights(module: nn.Module) -> bool:
    return not list(module.children()) and bool(list(module.parameters()))
