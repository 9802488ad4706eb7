"""Every pair of choices that must not meet: its spec is an error finding, or cannot be written at all."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cnnwiz.rules import RULES, check, find
from cnnwiz.spec import parse_text

PLAIN = "model: {defaults: {norm: none, activation: elu}, layers: [conv: {channels: 16}]}\n"
NORM = "model: {layers: [conv: {channels: 16}]}\n"
EMBED = "task: embed\nmodel: {layers: [conv: {channels: 16}], head: embedding}\n"
SELU = "model: {defaults: {norm: none, activation: selu, init: lecun}, layers: [conv: {channels: 16}]}\n"
CIFAR = "data: {source: {cifar10: {path: data}}}\n"
LBFGS = "optimizer: lbfgs\nschedule: constant\n"
WHOLE = "training: {batch_size: 2000}\n"
WEIGHT = "model: {defaults: {norm: weight}, layers: [conv: {channels: 16}]}\n"

CONFLICTS = {
    "phases of other sizes, flatten head": (
        CIFAR
        + "model: {layers: [conv: {channels: 8}], head: flatten}\nphases: [{epochs: 3, image_size: 24}, {epochs: 1}]\n",
        "CNN340",
    ),
    "phases of other sizes, fixed pooling": (
        CIFAR
        + "model: {layers: [conv: {channels: 8}, pool: {kernel: 8, stride: 8, kind: average}], head: flatten}\n"
        + "phases: [{epochs: 3, image_size: 24}, {epochs: 1}]\n",
        "CNN340",
    ),
    "rand_augment, trivial_augment": (NORM + "augment: [rand_augment, trivial_augment]\n", "CNN408"),
    "mixup, hinge": (NORM + "augment: [mixup]\nloss: hinge\n", "CNN407"),
    "mixup, triplet": (EMBED + "augment: [mixup]\nloss: triplet\n", "CNN407"),
    "mixup, center": (EMBED + "augment: [mixup]\nloss: center\n", "CNN407"),
    "mixup, a_softmax": (EMBED + "augment: [mixup]\nloss: a_softmax\n", "CNN407"),
    "cutmix, hinge": (NORM + "augment: [cutmix]\nloss: hinge\n", "CNN407"),
    "cutmix, a_softmax": (EMBED + "augment: [cutmix]\nloss: a_softmax\n", "CNN407"),
    "xavier, selu": (SELU.replace("lecun", "xavier"), "CNN219"),
    "kaiming over fan_out, selu": (SELU.replace("lecun", "{kaiming: {mode: fan_out}}"), "CNN219"),
    "gaussian, selu": (SELU.replace("lecun", "gaussian"), "CNN219"),
    "selu, dropout": (SELU.replace("}]}", "}], head: {average: {dropout: 0.2}}}"), "CNN406"),
    "selu, batch norm": (SELU.replace("norm: none", "norm: batch"), "CNN220"),
    "sigmoid, cross_entropy": (NORM.replace("}]}", "}], head: {conv: {final: sigmoid}}}"), "CNN255"),
    "rrelu, lbfgs": (PLAIN.replace("elu", "rrelu") + LBFGS + WHOLE, "CNN314"),
    "hinge, kfac": (NORM + "loss: hinge\noptimizer: kfac\n", "CNN316"),
    "triplet, kfac": (EMBED + "loss: triplet\noptimizer: kfac\n", "CNN316"),
    "triplet, shuffled batches": (EMBED + "loss: triplet\n", "CNN311"),
    "a_softmax, a multiple that is no integer": (EMBED + "loss: {a_softmax: {m: 2.5}}\n", "CNN903"),
    "dropout, batch norm behind": (
        "model: {layers: [conv: {channels: 16}, dropout: {rate: 0.5}, norm: {}, conv: {channels: 16}]}\n",
        "CNN402",
    ),
    "gaussian_dropout, batch norm behind": (
        "model: {layers: [conv: {channels: 16}, gaussian_dropout: {rate: 0.5}, norm: {}, conv: {channels: 16}]}\n",
        "CNN402",
    ),
    "dropout, lbfgs": (PLAIN.replace("}]}", "}], head: {average: {dropout: 0.2}}}") + LBFGS + WHOLE, "CNN314"),
    "gaussian_dropout, lbfgs": (PLAIN.replace("}]}", "}, gaussian_dropout: {}]}") + LBFGS + WHOLE, "CNN314"),
    "gaussian_dropout, rate 1": (NORM.replace("}]}", "}, gaussian_dropout: {rate: 1}]}"), "CNN903"),
    "l2, adam": (NORM + "optimizer: adam\nregularization: {l2: {factor: 0.001}}\n", "CNN305"),
    "l2, lbfgs": (PLAIN + LBFGS + WHOLE + "regularization: {l2: {factor: 0.001}}\n", "CNN315"),
    "lp, exponent below 0.5": (NORM + "regularization: {lp: {p: 0.3}}\n", "CNN903"),
    "lp, eps 0": (NORM + "regularization: {lp: {eps: 0}}\n", "CNN903"),
    "batch norm, lbfgs": (NORM + LBFGS + WHOLE, "CNN314"),
    "batch norm, batch of 1": (NORM + "training: {batch_size: 1}\n", "CNN310"),
    "group norm, channels it does not divide": (NORM.replace("16}", "16, norm: {group: {groups: 3}}}"), "CNN200"),
    "weight norm, kfac": (WEIGHT + "optimizer: kfac\n", "CNN317"),
    "weight norm, muon": (WEIGHT + "optimizer: muon\n", "CNN317"),
    "lbfgs, augmentation": (PLAIN + LBFGS + WHOLE + "augment: [random_crop]\n", "CNN314"),
    "lbfgs, part of the images": (PLAIN + LBFGS, "CNN342"),
    "lbfgs, float16": (PLAIN + LBFGS + "training: {batch_size: 2000, precision: float16}\n", "CNN321"),
    "lbfgs, center": (EMBED.replace("layers", "defaults: {norm: none}, layers") + LBFGS + "loss: center\n", "CNN324"),
    "lbfgs, linear decay": (PLAIN + "optimizer: lbfgs\n" + WHOLE, "CNN330"),
    "shampoo, wide linear layer": (
        CIFAR + "model: {layers: [conv: {channels: 16}], head: {flatten: {hidden: [8]}}}\noptimizer: shampoo\n",
        "CNN331",
    ),
    "adahessian, bfloat16": (NORM + "optimizer: adahessian\ntraining: {precision: bfloat16}\n", "CNN321"),
    "adahessian, micro_batch": (NORM + "optimizer: adahessian\ntraining: {micro_batch: 64}\n", "CNN319"),
    "groups that do not divide the channels": (NORM.replace("]}", ", conv: {channels: 16, groups: 3}]}"), "CNN200"),
    "inception paths of different sizes": (
        "model: {layers: [branches: {paths: [[conv: {channels: 4}], [conv: {channels: 4, stride: 2}]]}]}\n",
        "CNN200",
    ),
    "identity shortcut, other channels": (
        "model: {layers: [conv: {channels: 8}, basic: {channels: 16, shortcut: identity}]}\n",
        "CNN200",
    ),
    "pre-activation, open end": (
        "model: {defaults: {order: norm-act-conv}, layers: [conv: {channels: 16}, basic: {channels: 16}]}\n",
        "CNN231",
    ),
    "highway, gate that does not begin closed": (NORM.replace("}]}", "}, highway: {gate_bias: 0.5}]}"), "CNN903"),
    "adaptive_pool, conv head": (NORM.replace("}]}", "}, adaptive_pool: {size: 4}], head: conv}"), "CNN234"),
    "flatten head, image of another task": ("task: embed\n" + NORM.replace("}]}", "}], head: flatten}"), "CNN228"),
    "detection, mixup": (
        "task: detect\ndata: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}\naugment: [mixup]\n"
        "model: {layers: [conv: {channels: 16}], head: detection}\nloss: fcos\n",
        "CNN420",
    ),
    "detection, hinge": (
        "task: detect\ndata: {source: {pascal_voc: {path: cells}}, classes: 3, image_size: 160}\n"
        "model: {layers: [conv: {channels: 16}], head: detection}\nloss: hinge\n",
        "CNN313",
    ),
}

IMPOSSIBLE = {
    "label smoothing, hinge": NORM + "loss: {hinge: {label_smoothing: 0.1}}\n",
    "label smoothing, triplet": EMBED + "loss: {triplet: {label_smoothing: 0.1}}\n",
    "softmax in the network": NORM.replace("}]}", "}, softmax: {}]}"),
    "center without cross-entropy": EMBED + "loss: {center: {softmax: false}}\n",
    "decay of centres": EMBED + "loss: center\nregularization: {l2: {skip: [], also: [centre]}}\n",
    "decay of PReLU's slopes": NORM + "regularization: {l2: {skip: [slope]}}\n",
    "a_softmax without annealing": EMBED + "loss: {a_softmax: {base: 0}}\n",
    "a_softmax with a bias": EMBED + "loss: {a_softmax: {bias: true}}\n",
    "layer norm over positions": NORM.replace("16}", "16, norm: {layer: {shape: [16, 8, 8]}}}"),
    "momentum of Shampoo": NORM + "optimizer: {shampoo: {momentum: 0.9}}\n",
    "dampening": NORM + "optimizer: {momentum: {dampening: 0.9}}\n",
    "normalization in front of jitter": NORM + "augment: [normalize: {}, color_jitter]\n",
    "a highway that changes channels": NORM.replace("}]}", "}, highway: {channels: 32}]}"),
    "early stopping": NORM + "training: {early_stopping: 5}\n",
    "steps in place of epochs": NORM + "training: {steps: 1000}\n",
    "no seed": NORM + "training: {seed: null}\n",
}


@pytest.mark.parametrize("pair", CONFLICTS)
def test_what_must_not_meet_is_an_error(pair: str) -> None:
    text, code = CONFLICTS[pair]
    document = parse_text("cnnwiz: 1\n" + dedent(text))
    found = {finding.code: finding for finding in check(document)}
    assert code in found, [(f.code, f.message) for f in found.values()]
    assert found[code].severity == "error"
    assert find(code)[0] in RULES


@pytest.mark.parametrize("pair", IMPOSSIBLE)
def test_what_could_not_be_obeyed_cannot_be_written(pair: str) -> None:
    document = parse_text("cnnwiz: 1\n" + IMPOSSIBLE[pair])
    assert document.spec is None
    assert {finding.code for finding in document.findings} <= {"CNN902", "CNN903", "CNN911"}, document.findings
