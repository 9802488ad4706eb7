"""`cnnwiz lint --module`: torch modules read back as graphs agree with torch; what cannot be read is named."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from cnnwiz.__main__ import run
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.nn.network import build
from cnnwiz.nn.trace import load_module, trace
from cnnwiz.rules import RULES, lint_graph
from cnnwiz.spec import parse_text

NETWORKS = ["alexnet", "vgg11_bn", "resnet18", "googlenet", "shufflenet_v2_x0_5", "squeezenet1_1", "mobilenet_v3_small"]
NETWORKS += ["efficientnet_b0", "regnet_y_400mf", "convnext_tiny", "densenet121", "mnasnet0_5"]


@pytest.mark.parametrize("name", NETWORKS)
def test_torchvisions_networks_are_read_whole(name: str) -> None:
    module = load_module(f"torchvision.models:{name}")
    traced = trace(module, (3, 224, 224), name)
    assert traced.unread == ()
    used = {key: value for key, value in module.named_parameters() if not key.startswith("aux")}
    assert traced.graph.parameters == traced.parameters == sum(value.numel() for value in used.values())
    weights = next(iter(torchvision.models.get_model_weights(name)))
    assert traced.graph.output == (1000,)
    assert traced.graph.macs / 1e9 == pytest.approx(weights.meta["_ops"], rel=0.02, abs=0.001)


class Strange(nn.Module):
    """Layers of every kind of call, and two that nobody can know."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding="same", bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 8, 2)
        self.weight = nn.Parameter(torch.ones(8, 1, 1))
        self.linear = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)))
        first, second = x.chunk(2, dim=1)
        x = torch.cat((F.avg_pool2d(first, 3, 1, 1), second), 1)
        x = self.weight * F.max_pool2d(x + 1, 2)
        x = torch.cumsum(self.up(x), 1)
        return self.linear(x.mean((2, 3)))


class Undecided(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def needs(width: int) -> nn.Module:
    return nn.Linear(width, width)


a_string = "no module"


def test_what_cannot_be_read_is_named_and_not_guessed() -> None:
    traced = trace(Strange().eval(), (3, 16, 16))
    assert traced.unread == ("up (ConvTranspose2d)", "cumsum (cumsum)")
    kinds = [node.kind for node in traced.graph.nodes]
    assert kinds == [
        *("conv", "batch", "relu", "slice", "slice", "average", "concat", "scale", "max", "weigh"),
        *("unread", "unread", "global_average", "linear"),
    ]
    assert [node.output for node in traced.graph.nodes][-4:] == [(8, 9, 9), (8, 9, 9), (8,), (5,)]
    assert traced.parameters == sum(value.numel() for value in Strange().parameters())


def test_a_built_spec_is_read_as_the_graph_it_was_built_from() -> None:
    text = """\
cnnwiz: 1
data: {source: {cifar10: {path: data}}}
model:
  layers:
    - conv: {channels: 16}
    - basic: {channels: 32, stride: 2, repeat: 2}
    - pool: {kernel: 2, stride: 2}
    - conv: {channels: 32, groups: 4, kind: shuffled_grouped}
"""
    spec = parse_text(text).spec
    assert spec is not None
    graph = graph_of(spec)
    traced = trace(build(spec).eval(), (3, 32, 32)).graph
    windows = ("conv", "max", "linear", "batch")
    mine = [(n.kind, n.output, n.parameter_count, n.field) for n in graph.nodes if n.kind in windows]
    assert [(n.kind, n.output, n.parameter_count, n.field) for n in traced.nodes if n.kind in windows] == mine
    assert traced.macs == graph.macs


def test_rules_of_structure_do_not_look_at_a_spec() -> None:
    structural = [rule for rule in RULES if rule.structural]
    assert len(structural) > 40
    for rule in structural:
        source = inspect.getsource(inspect.getmodule(type(rule)))  # pyright: ignore[reportArgumentType]
        assert "subject.spec" not in source, rule.code
        assert "subject.value" not in source or "traced" in source, rule.code


def test_structure_alone_tells_what_the_spec_tells() -> None:
    graph = trace(load_module("torchvision.models:vgg16_bn"), (3, 224, 224)).graph
    codes = {finding.code for finding in lint_graph(graph)}
    assert codes == {"CNN207", "CNN208", "CNN213", "CNN237", "CNN246", "CNN401"}  # as the template vgg16_bn silences
    template = Path(__file__).parents[1] / "templates" / "vgg16_bn.yaml"
    silenced = template.read_text(encoding="utf-8").split("ignore-file[")[1].split("]")[0].split(", ")
    assert codes == set(silenced)


def test_the_command_shows_findings_and_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "--module", "torchvision.models:alexnet"]) == 0
    out = capsys.readouterr().out
    assert "warning[CNN201] relu-without-norm" in out
    assert " --> torchvision.models:alexnet, features.1" in out
    assert "read 22 of 22 operations and 61,100,840 of 61,100,840 parameters" in out
    assert run(["lint", "--module", "torchvision.models:alexnet", "--fail-on", "warning", "--select", "CNN201"]) == 1
    capsys.readouterr()
    assert run(["lint", "--module", "torchvision.models:alexnet", "--output-format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["version"], found["operations"], found["unread"]) == (1, 22, [])
    assert {finding["code"] for finding in found["findings"]} >= {"CNN201", "CNN246"}
    quiet = ["--output-format", "concise", "--ignore", "CNN2"]
    assert run(["lint", "--module", "torchvision.models:alexnet", *quiet]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to lint"),
        (["--input", "3,8,8", "x.yaml"], "--input says"),
        (["--module", "torchvision"], "package.module:name"),
        (["--module", "no.such:thing"], "cannot import 'no.such'"),
        (["--module", "torchvision.models:resnet19"], "has no 'resnet19'"),
        (["--module", "torchvision.models:alexnet", "--input", "3,8"], "CHANNELS,HEIGHT,WIDTH"),
        (["--module", "torchvision.models:alexnet", "--input", "3,8,8"], "cannot take images of 3x8x8"),
        (["--module", "torchvision.models:alexnet", "--fix"], "takes no files"),
        (["--module", "tests.test_lint_module:Undecided"], "torch.fx cannot follow"),
        (["--module", "tests.test_lint_module:needs"], "needs arguments (width)"),
        (["--module", "tests.test_lint_module:a_string"], "is str"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    assert run(["lint", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_class_of_the_current_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_of_this_test.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.ReLU(), nn.Flatten())\n"
    )
    monkeypatch.chdir(tmp_path)
    graph = trace(load_module("mine_of_this_test:Net"), (1, 8, 8)).graph
    assert [(f.code, f.path) for f in lint_graph(graph)] == [("CNN247", ("2",))]
    with pytest.raises(CnnwizError, match="has no 'Not'"):
        load_module("mine_of_this_test:Not")
