"""The exported Python file: the bits of the network it was written of, for every choice and any network; its form."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from generated import exact, untrained, written
from hypothesis import given, settings
from strategies import networks, unhurried

from cnnwiz.catalog import SECTIONS
from cnnwiz.spec import Spec, load, parse_text

TEMPLATES = Path(__file__).parents[1] / "templates"
RUFF = Path(sys.executable).with_name("ruff")

BASE = """
cnnwiz: 1
data: {{image_size: 12, channels: 3, classes: 5, normalize: none}}
model:
  {input}
  defaults: {{norm: none, {defaults}}}
  layers: [{layers}]
  head: {head}
"""

NETWORKS = ("input", "activation", "normalization", "convolution", "pooling", "layer", "shortcut", "head")
"""The sections whose choices change the network."""

DEFAULTS = {  # choices that are written into model.defaults, with what they need
    **{f"activation.{key}": f"activation: {key}" for key in ("relu", "leaky_relu", "elu", "selu", "gelu", "silu")},
    **{f"activation.{key}": f"activation: {key}" for key in ("sigmoid", "tanh", "none", "very_leaky_relu", "rrelu")},
    "activation.prelu": "activation: {prelu: {start: 0.1}}",
    "activation.maxout": "activation: {maxout: {pieces: 3}}",
    **{f"normalization.{key}": f"norm: {key}" for key in ("batch", "layer", "weight", "local_response", "none")},
    "normalization.group": "norm: {group: {groups: 2}}",
    **{f"convolution.{key}": f"conv: {key}" for key in ("standard", "asymmetric", "flattened")},
    "convolution.separable": "conv: {separable: {norm: batch, activation: relu}}",
    "convolution.grouped": "conv: {grouped: {groups: 3}}",
    "convolution.shuffled_grouped": "conv: {shuffled_grouped: {groups: 3}}",
    **{f"pooling.{key}": f"pool: {key}" for key in ("max", "average", "max_plus_avg", "stochastic", "strided_conv")},
}
LAYERS = {  # behind a convolution to 6 channels, so that 12x12 pixels are (6, 12, 12)
    "layer.conv": "conv: {channels: 4, padding: [0, 1, 2, 1], stride: 2}",
    "layer.pointwise": "pointwise: {channels: 4, groups: 2, shuffle: true}",
    "layer.shuffle": "shuffle: {groups: 3}",
    "layer.pool": "pool: {kernel: 3, stride: 2, ceil: true}",
    "layer.adaptive_pool": "adaptive_pool: {size: 5, largest: true}",
    "layer.norm": "norm: {kind: batch}",
    "layer.activation": "activation: {kind: {relu: {cap: 6}}}",
    "layer.linear": "linear: {features: 9}",
    "layer.dropout": "dropout: {rate: 0.3}",
    "layer.gaussian_dropout": "gaussian_dropout: {rate: 0.3}",
    "layer.alpha_dropout": "alpha_dropout: {rate: 0.3}",
    "layer.spatial_dropout": "spatial_dropout: {rate: 0.3}",
    "layer.repeat": "repeat: {times: 3, layers: [conv: {channels: 6}, pool: {kernel: 3}]}",
    "layer.branches": "branches: {merge: gate, paths: [[conv: {channels: 6}], [pointwise: {channels: 6}]]}",
    "layer.split": "split: {shares: [2, 4], paths: [[], [conv: {channels: 3}]]}",
    "layer.residual": "residual: {scale: 0.2, layers: [conv: {channels: 8, stride: 2}, conv: {channels: 8}]}",
    "layer.basic": "basic: {channels: 8, stride: 2, repeat: 3}",
    "layer.bottleneck": "bottleneck: {channels: 8, groups: 2, repeat: 2}",
    "layer.inverted_residual": "inverted_residual: {channels: 6, expansion: 2, repeat: 2}",
    "layer.inception": "inception: {conv1: 2, conv3: [2, 3], conv5: [2, 2], pool: 1}",
    "layer.fire": "fire: {squeeze: 2, expand: 3}",
    "layer.dense": "dense: {growth: 3, dropout: 0.2, repeat: 3}",
    "layer.transition": "transition",
    "layer.dual_path": "dual_path: {channels: 6, width: 4, growth: 2, repeat: 2}",
    "layer.highway": "highway: {repeat: 2}",
    "layer.auxiliary": "auxiliary: {layers: [conv: {channels: 4}]}, conv: {channels: 4}",
    "shortcut.identity": "basic: {channels: 6, shortcut: identity}",
    "shortcut.projection": "basic: {channels: 6, shortcut: {projection: {always: true}}}",
    "shortcut.pad": "basic: {channels: 9, stride: 2, shortcut: pad}",
    "shortcut.layers": "basic: {channels: 9, stride: 2, shortcut: {layers: {layers: "
    "[pool: {kernel: 2, stride: 2, kind: average}, conv: {channels: 9, kernel: 1}]}}}",
}
INPUTS = {
    "input.color_transform": "color_transform: {activation: maxout}",
    "input.color_space": "color_space: {space: hsv}",
    "input.polar": "polar: {centre: learned, size: [10, 9], overlap: 2}",
    "input.log_polar": "log_polar",
}
HEADS = {
    "head.average": "{average: {dropout: 0.2}}",
    "head.flatten": "{flatten: {hidden: [9, 8], dropout: 0.2}}",
    "head.conv": "{conv: {hidden: [9], kernel: 3, final: relu}}",
    "head.embedding": "{embedding: {features: 4, normalize: true}}",
}
MORE = {  # what several choices make together
    "preactivation": (
        "order: norm-act-conv, norm: batch",
        "basic: {channels: 8, stride: 2, repeat: 2}, norm, activation",
    ),
    "batch norm everywhere": (
        "norm: batch, zero_gamma: true",
        "bottleneck: {channels: 8, repeat: 3}, dense: {growth: 3}",
    ),
    "weight norm, uneven padding": ("norm: weight", "conv: {channels: 4, padding: [0, 1, 2, 1]}, conv: {channels: 5}"),
    "act before norm": ("order: conv-act-norm, norm: batch", "conv: {channels: 4, repeat: 3}, conv: {channels: 5}"),
    "stochastic depth": ("stochastic_depth: {rate: 0.3}", "basic: {channels: 6, repeat: 3}"),
    "product": (
        "norm: batch",
        "branches: {merge: multiply, paths: [[], [adaptive_pool: {size: 1}, "
        "pointwise: {channels: 6, activation: sigmoid}]]}",
    ),
}


def texts() -> dict[str, str]:
    """A spec for each choice that changes the network."""
    conv = "conv: {channels: 6}"
    wide = f"{conv}, conv: {{channels: 6, kernel: 5}}, pool: {{kernel: 3, stride: 2}}"
    hidden = "{flatten: {hidden: [6]}}"
    empty = {"input": "", "defaults": "conv: standard", "layers": conv, "head": "average"}
    changes = {name: {"defaults": text, "layers": wide, "head": hidden} for name, text in DEFAULTS.items()}
    changes |= {name: {"layers": f"{conv}, {text}"} for name, text in LAYERS.items()}
    changes["layer.linear"]["head"] = "flatten"
    changes |= {name: {"input": f"input: [{text}]"} for name, text in INPUTS.items()}
    changes |= {name: {"head": text} for name, text in HEADS.items()}
    changes |= {name: {"defaults": first, "layers": f"{conv}, {text}"} for name, (first, text) in MORE.items()}
    found = {}
    for name, change in changes.items():
        values = empty | change
        text = BASE.format(**values)
        # A key stands once: "norm: none" gives way to a norm of the change.
        found[name] = text.replace("norm: none, ", "", 1) if re.search(r"\bnorm: [a-z{]", values["defaults"]) else text
    return found


TEXTS = texts()


def parsed(text: str) -> Spec:
    document = parse_text(text)
    assert document.spec is not None, [finding.message for finding in document.findings]
    return document.spec


def test_every_choice_that_changes_the_network_is_here():
    choices = {f"{s.name}.{choice.key}" for s in SECTIONS if s.name in NETWORKS for choice in s.choices}
    assert choices <= set(TEXTS) | {"head.detection"}


@pytest.mark.parametrize("fused", [False, True], ids=["", "fused"])
@pytest.mark.parametrize("name", TEXTS)
def test_bits_are_those_of_the_network(name, fused, tmp_path):
    trained = untrained(parsed(TEXTS[name]), fused=fused)
    _, network = written(trained, tmp_path / "network.py")
    assert exact(trained, network)


@given(spec=networks())
@settings(unhurried, max_examples=12)
def test_any_network_keeps_its_bits(spec, tmp_path_factory):
    trained = untrained(spec)
    _, network = written(trained, tmp_path_factory.mktemp("any") / "network.py")
    assert exact(trained, network)


@pytest.mark.parametrize("name", ["resnet20_cifar_a", "densenet_bc_100", "cifar10", "digits", "rotated_digits"])
def test_templates_keep_their_bits(name, tmp_path):
    trained = untrained(load(TEMPLATES / f"{name}.yaml"))
    _, network = written(trained, tmp_path / "network.py")
    assert exact(trained, network)


def test_files_are_formatted_and_import_torch_torchvision_pillow_and_numpy_only(tmp_path):
    for number, text in enumerate(TEXTS.values()):
        file = tmp_path / f"n{number}.py"
        written(untrained(parsed(text)), file)
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            tops = {name.split(".")[0] for name in names}
            assert tops <= {"torch", "torchvision", "PIL", "numpy", *sys.stdlib_module_names}
    common = ["--isolated", "--line-length", "120", "--target-version", "py310", str(tmp_path)]
    for words in (["format", "--check"], ["check", "--select", "E,F,W,I,B,UP,PT,N", "--ignore", "B905,N812"]):
        done = subprocess.run([RUFF, *words, *common], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout[:3000]


def test_equal_blocks_are_one_class_and_repeats_one_line(tmp_path):
    text = BASE.format(input="", defaults="conv: standard", layers="basic: {channels: 8, repeat: 5}", head="average")
    file = tmp_path / "network.py"
    written(untrained(parsed(text)), file)
    code = file.read_text()
    assert code.count("class Basic(") == 1
    assert "*(Basic() for _ in range(4)),  # 8x12x12" in code
    assert "class ProjectedBasic(" in code


HOSTILE = (
    '"""',
    "'''",
    '"); import os; os.system("touch owned"); ("',
    "\\",
    "\n    raise SystemExit",
    "{CLASSES}",
    "\u202e\x1b]0;",
    "\udc80",
    "名前",
    "# noqa\r",
)


def test_names_of_classes_stay_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = replace(untrained(parsed(TEXTS["layer.basic"])), classes=(*HOSTILE[:5],))
    module, _ = written(trained, tmp_path / "network.py")
    assert HOSTILE[:5] == module.CLASSES
    trained = replace(trained, classes=(*HOSTILE[5:],))
    module, _ = written(trained, tmp_path / "network.py")
    assert HOSTILE[5:] == module.CLASSES
    assert (tmp_path / "network.py").read_bytes().isascii()
    assert not (tmp_path / "owned").exists()


def test_training_mode_drops_and_normalizes(tmp_path):
    """The file's network is the same in training, too: its gradients are, where nothing is drawn."""
    trained = untrained(parsed(TEXTS["batch norm everywhere"]))
    _, network = written(trained, tmp_path / "network.py")
    x = torch.randn(4, *trained.graph.input)
    for one in (trained.network, network):
        one.train()
        one(x).square().sum().backward()
    first = [p.grad for p in trained.network.parameters()]
    second = [p.grad for p in network.parameters()]
    assert sorted(g.norm().item() for g in first) == sorted(g.norm().item() for g in second)
