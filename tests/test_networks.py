"""Published networks as templates: their parameter counts, outputs equal to the libraries', gradients everywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.graph import Graph, graph_of, wire_model
from cnnwiz.nn.network import Network, build_graph
from cnnwiz.spec import Spec, parse_text

TEMPLATES = Path(__file__).parents[1] / "templates"
tv = torchvision.models


class Published(NamedTuple):
    """A template, the count of the published network, what a library calls it, and a side at which both are cheap."""

    name: str
    parameters: int
    side: int
    oracle: Callable[[], nn.Module] | None = None
    auxiliary: int = 0
    """Parameters of auxiliary heads, which the count above does not hold."""


NETWORKS = [
    Published("alexnet", 61_100_840, 96, tv.alexnet),
    Published("caffenet", 60_965_224, 227),
    Published("nin", 966_986, 32),
    Published("googlenet", 6_998_552, 96, auxiliary=13_378_280 - 6_998_552),
    Published("googlenet_tv", 6_624_904, 96, lambda: tv.googlenet(init_weights=False), 13_004_888 - 6_624_904),
    Published("inception_v3", 23_834_568, 299, lambda: tv.inception_v3(init_weights=False), 27_161_264 - 23_834_568),
    Published("inception_resnet_v2", 55_843_464, 107, lambda: timm.create_model("inception_resnet_v2")),
    Published("preact_resnet18", 11_687_720, 64, lambda: timm.create_model("resnetv2_18")),
    Published("wide_resnet_28_10", 36_479_194, 8),
    Published("resnet20_cifar_a", 269_722, 16),
    Published("resnet20_cifar_b", 272_474, 16),
    Published("densenet121", 7_978_856, 64, tv.densenet121),
    Published("densenet_bc_100", 769_162, 16),
    Published("dpn68", 12_611_602, 64, lambda: timm.create_model("dpn68")),
    Published("peleenet", 2_802_248, 64),
    Published("mobilenet_v1", 4_231_976, 64, lambda: timm.create_model("mobilenetv1_100", act_layer=nn.ReLU)),
    Published("mobilenet_v2", 3_504_872, 64, tv.mobilenet_v2),
    Published("shufflenet_v1", 1_865_728, 64),
    Published("shufflenet_v2", 2_278_604, 64, tv.shufflenet_v2_x1_0),
    Published("squeezenet1_0", 1_248_424, 64, tv.squeezenet1_0),
    Published("squeezenet1_1", 1_235_496, 64, tv.squeezenet1_1),
    Published("xception", 22_855_952, 75, lambda: timm.create_model("legacy_xception")),
    Published("highway19", 2_256_838, 32),
]
ORACLES = [network for network in NETWORKS if network.oracle]


@cache
def spec_of(name: str) -> Spec:
    document = parse_text((TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert document.spec is not None, document.findings
    return document.spec


def small(network: Published) -> Graph:
    """The network at a side that costs little."""
    spec = spec_of(network.name)
    graph = wire_model(spec.model, (3, network.side, network.side), graph_of(spec).classes, spec.name)
    assert graph.finding is None
    return graph


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_parameter_counts(network):
    assert graph_of(spec_of(network.name)).parameters == network.parameters + network.auxiliary


@pytest.mark.parametrize(("name", "most"), [("resnet50", 30), ("googlenet", 60), ("googlenet_tv", 60)])
def test_model_fits_the_screen(name, most):
    text = (TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8")
    assert len(text.split("\nmodel:")[1].split("\nregularization:")[0].splitlines()) <= most


@pytest.mark.slow
@pytest.mark.parametrize("network", ORACLES, ids=lambda network: network.name)
def test_outputs_equal_the_library_with_its_weights(network):
    torch.manual_seed(0)
    assert network.oracle is not None
    with torch.device("meta"):  # without initial values, which take seconds
        theirs, ours = network.oracle(), Network(small(network))
    randomize(theirs.to_empty(device="cpu"))
    for module in (theirs, ours):
        module.eval()
        # Only the outermost mode decides whether auxiliary heads run; norms and dropout stay in evaluation.
        module.training = bool(network.auxiliary)
    images = torch.randn(1, 3, network.side, network.side)
    with torch.no_grad():
        take_weights(ours, theirs, images)
        expected, actual = outputs(theirs, images), outputs(ours, images)
    assert len(expected) == len(actual) == 1 + len(ours.graph.auxiliary)
    for one, other in zip(sorted(actual, key=float_sum), sorted(expected, key=float_sum), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))
        assert float(other.std()) > 1e-3  # outputs that could differ


def outputs(network: nn.Module, images: Tensor) -> list[Tensor]:
    found = network(images)
    return [found] if isinstance(found, Tensor) else list(found)


def float_sum(tensor: Tensor) -> float:
    """Sorts the scores of several heads, which libraries return in an order of their own."""
    return round(float(tensor.sum()), 1)


def randomize(network: nn.Module) -> None:
    """Fill every tensor: weights that keep the signal's size, batch norms with statistics other than 0 and 1."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.1, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.get_buffer("running_var")):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.get_buffer("running_mean")):
                nn.init.uniform_(tensor, -0.2, 0.2)


def take_weights(ours: Network, theirs: nn.Module, images: Tensor) -> None:
    """Give each module of ours, in order, the weights of the first of theirs to be called that has equal shapes."""
    givers: list[nn.Module] = []
    hooks = [
        m.register_forward_hook(lambda module, *_: givers.append(module)) for m in theirs.modules() if has_weights(m)
    ]
    theirs(images)
    for hook in hooks:
        hook.remove()
    for receiver in (module for _, module, _, _ in ours.steps if has_weights(module)):
        giver = next(module for module in givers if sizes(module) == sizes(receiver))
        givers.remove(giver)
        state = {name: tensor.reshape(receiver.state_dict()[name].shape) for name, tensor in giver.state_dict().items()}
        receiver.load_state_dict(state, assign=True)
    assert not givers, "theirs has modules that ours lacks"


def sizes(module: nn.Module) -> list[list[int]]:
    """Shapes of a module's tensors; a 1x1 convolution is a linear layer."""
    return [[side for side in tensor.shape if side > 1] for tensor in module.parameters()]


def has_weights(module: nn.Module) -> bool:
    return bool(list(module.parameters(recurse=False)))


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_parameter_gets_a_gradient(network):
    torch.manual_seed(0)
    ours = build_graph(small(network), seed=0).train()
    images = torch.randn(2, 3, network.side, network.side)
    labels = torch.tensor([0, 1])
    torch.stack([F.cross_entropy(scores, labels) for scores in outputs(ours, images)]).sum().backward()
    without = [name for name, p in ours.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not without
    assert sum(bool(p.grad.any()) for p in ours.parameters() if p.grad is not None) == len(list(ours.parameters()))
