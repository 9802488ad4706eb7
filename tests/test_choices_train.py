"""Each choice trains: put into a small network on digits, it makes the loss fall and keeps it finite."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from cnnwiz.spec import parse_text
from cnnwiz.training.events import Epoch
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run

BASE = """
cnnwiz: 1
name: choice
data: {validation: {fraction: 0.5}}
model:
  defaults: {norm: none}
  layers:
    - conv: {channels: 6}
    - pool: {kernel: 2, stride: 2}
    - basic: {channels: 8}
  head: flatten
optimizer: {sgd: {lr: 0.05}}
training: {batch_size: 64, epochs: 3, precision: float32}
"""
"""Three epochs of 11 or 12 steps."""

VECTOR = "[{pool: {kernel: 2, stride: 2}}, {conv: {channels: 6}}, {linear: {features: 24}}, %s]"

PK = "training: {sampler: {pk: {classes: 8, images: 8}}}}"

CHOICES: dict[str, str] = {  # what differs from BASE
    "loss.hinge_squared": "{loss: {hinge: {power: 2}}, optimizer: {sgd: {lr: 0.005}}}",
    "loss.triplet": "{task: embed, model: {head: {embedding: {normalize: true}}}, loss: triplet, " + PK,
    "loss.triplet_batch_hard": "{task: embed, model: {head: embedding}, loss: {triplet: {mining: batch_hard}}, " + PK,
    "loss.center": "{task: embed, model: {head: embedding}, loss: {center: {weight: 0.1}}}",
    "loss.a_softmax": "{task: embed, model: {head: {embedding: {flatten: true}}}, loss: a_softmax}",
    "loss.cross_entropy_of_embeddings": "{task: embed, model: {head: {embedding: {flatten: true}}}}",
    "activation.tanh": "model: {defaults: {activation: tanh}}",
    "activation.very_leaky_relu": "model: {defaults: {activation: very_leaky_relu}}",
    "activation.prelu": "{model: {defaults: {activation: prelu}}, regularization: {l2: {}}}",
    "activation.rrelu": "model: {defaults: {activation: rrelu}}",
    "activation.selu": "model: {defaults: {activation: selu, init: lecun}}",
    "activation.gelu": "model: {defaults: {activation: gelu}}",
    "activation.silu": "model: {defaults: {activation: silu}}",
    "activation.maxout": "model: {defaults: {activation: maxout}, layers: [{conv: {channels: 6, repeat: 2}}]}",
    "convolution.separable": "model: {defaults: {conv: {separable: {norm: batch, activation: relu}}}}",
    "convolution.pointwise_first": "model: {defaults: {conv: {separable: {order: pointwise-first}}}}",
    "convolution.flattened": "model: {defaults: {conv: flattened, norm: batch}}",
    "convolution.asymmetric": "model: {defaults: {conv: asymmetric}}",
    "convolution.grouped": "model: {layers: [{conv: {channels: 8}}, {conv: {channels: 8, kind: grouped}}]}",
    "convolution.shuffled_grouped": "model: {layers: [{conv: {channels: 6}}, {pointwise: {channels: 6, groups: 3}}, "
    "{conv: {channels: 6, kind: shuffled_grouped}}]}",
    "convolution.dilated": "model: {layers: [{conv: {channels: 8, repeat: 2, dilation: 2}}]}",
    "pooling.average": "model: {defaults: {pool: average}}",
    "pooling.max_plus_avg": "model: {defaults: {pool: max_plus_avg}}",
    "pooling.stochastic": "model: {defaults: {pool: stochastic}}",
    "pooling.strided_conv": "model: {defaults: {pool: strided_conv}}",
    "layer.split": "model: {layers: [{conv: {channels: 8}}, {split: {paths: [[], [{conv: {channels: 4}}]]}}, shuffle]}",
    "layer.branches_gate": "model: {layers: [{conv: {channels: 6}}, "
    "{branches: {merge: gate, paths: [[{conv: {channels: 6}}], [{conv: {channels: 6, activation: none}}]]}}]}",
    "layer.preactivation": "model: {defaults: {order: norm-act-conv, norm: batch}, "
    "layers: [{conv: {channels: 6, norm: none}}, {basic: {channels: 8, stride: 2}}, norm, activation]}",
    "layer.inverted_residual": "model: {defaults: {norm: batch, activation: {relu: {cap: 6.0}}}, "
    "layers: [{conv: {channels: 6}}, {inverted_residual: {channels: 6, expansion: 4}}]}",
    "layer.inception": "model: {layers: [{inception: {conv1: 4, conv3: [2, 4], conv5: [2, 4], pool: 4}}]}",
    "layer.inception_residual": "model: {layers: [{conv: {channels: 6}}, {residual: {scale: 0.2, layers: ["
    "{branches: {paths: [[{pointwise: {channels: 4}}], [{conv: {channels: 4}}]]}}, "
    "{pointwise: {channels: 6, activation: none}}]}}]}",
    "layer.fire": "model: {layers: [{conv: {channels: 6}}, {fire: {squeeze: 4, expand: 6}}]}",
    "layer.dense": "model: {defaults: {norm: batch}, layers: [{dense: {growth: 4, repeat: 2}}, transition]}",
    "layer.inception_dense": "model: {layers: [{dense: {repeat: 2, layers: [{branches: {paths: "
    "[[{conv: {channels: 2}}], [{conv: {channels: 2, repeat: 2}}]]}}]}}]}",
    "layer.dual_path": "model: {defaults: {norm: batch}, "
    "layers: [{dual_path: {channels: 6, width: 6, growth: 2, repeat: 2}}]}",
    "layer.highway": "model: {layers: [{conv: {channels: 8}}, {highway: {repeat: 2}}]}",
    "layer.auxiliary": "model: {layers: [{conv: {channels: 6}}, {auxiliary: {head: flatten}}, {conv: {channels: 6}}]}",
    "shortcut.pad": "model: {layers: [{conv: {channels: 6}}, {basic: {channels: 8, shortcut: pad}}]}",
    "shortcut.always": "model: {layers: [{conv: {channels: 6}}, "
    "{basic: {channels: 6, shortcut: {projection: {always: true}}}}]}",
    "shortcut.layers": "model: {layers: [{conv: {channels: 6}}, {basic: {channels: 8, stride: 2, shortcut: "
    "{layers: {layers: [{pool: {kernel: 2, stride: 2}}, {pointwise: {channels: 8}}]}}}}]}",
    "head.average": "{model: {defaults: {norm: batch}, head: average}, optimizer: {sgd: {lr: 0.3}}}",
    "head.conv": "model: {head: {conv: {hidden: [16], kernel: 3}}}",
    "input.color_transform": "{data: {channels: 3}, model: {input: [color_transform]}}",
    "input.color_space": "{data: {channels: 3, normalize: none}, model: {input: [{color_space: {space: ycbcr}}]}}",
    "input.polar": "model: {input: [{polar: {centre: learned, overlap: 1}}]}",
    "input.log_polar": "model: {input: [{log_polar: {size: [8, 6]}}]}",
    "augmentation.rotation": "augment: [rotation]",
    "augmentation.color_jitter": "{data: {channels: 3}, augment: [{color_jitter: {hue: 0.1}}]}",
    "augmentation.pca_lighting": "{data: {channels: 3}, augment: [pca_lighting]}",
    "augmentation.random_erasing": "augment: [{random_erasing: {fill: noise}}]",
    "augmentation.rand_augment": "augment: [{rand_augment: {magnitude: 3}}]",
    "augmentation.trivial_augment": "{augment: [trivial_augment], optimizer: {sgd: {lr: 0.1}}, training: {epochs: 6}}",
    "augmentation.alternating_flip": "augment: [alternating_flip]",
    "augmentation.mixup": "{augment: [mixup], training: {micro_batch: 16}}",
    "augmentation.cutmix": "{augment: [{cutmix: {probability: 0.5}}], training: {epochs: 6}}",
    "initialization.orthogonal": "model: {defaults: {init: orthogonal}}",
    "initialization.lecun": "model: {defaults: {init: lecun}}",
    "initialization.lsuv": "{model: {defaults: {init: lsuv, activation: elu}}, training: {ema: 0.5}}",
    "initialization.zero_gamma": "model: {defaults: {norm: batch, zero_gamma: true}}",
    "initialization.dirac": "model: {defaults: {init: dirac, norm: batch}}",
    "initialization.whitening": "model: {layers: [{conv: {channels: 8, kernel: 2, bias: true, init: whitening}}, "
    "{pool: {kernel: 2, stride: 2}}, {basic: {channels: 8}}]}",
    "initialization.lsuv_of_one_layer": "model: {layers: [{conv: {channels: 8, init: lsuv}}, {conv: {channels: 8}}]}",
    "normalization.fixed_scale": "model: {defaults: {norm: {batch: {fixed_scale: true}}}}",
    "head.scaled": "{model: {head: {average: {bias: false, scale: 0.5}}, defaults: {norm: batch}}, "
    "optimizer: {sgd: {lr: 0.5}}}",
    "optimizer.decoupled_sgd": "{optimizer: {decoupled_sgd: {lr: 0.5}}, regularization: {l2: {factor: 1.0e-3}}}",
    "optimizer.rates": "{model: {defaults: {norm: batch}}, optimizer: {sgd: {lr: 0.05, rates: {norm: 4.0}}}}",
    "optimizer.muon_fixed_length": "{model: {defaults: {norm: batch}}, optimizer: {muon: {fixed_length: true}}}",
    "schedule.triangle": "schedule: {one_cycle: {rise: 0.2, start: 0.2, final: 0.07, shape: linear}}",
    "training.lookahead": "training: {lookahead: {share: 1.0, final: 0.23}}",
    "training.lookahead_and_ema": "training: {lookahead: {}, ema: 0.5}",
    "normalization.layer": "model: {defaults: {norm: layer}}",
    "normalization.group": "model: {defaults: {norm: {group: {groups: 2}}}}",
    "normalization.weight": "{model: {defaults: {norm: weight}}, training: {ema: 0.5}}",
    "normalization.local_response": "model: {defaults: {norm: local_response}}",
    "layer.gaussian_dropout": "model: {layers: " + VECTOR % "{gaussian_dropout: {rate: 0.2}}" + "}",
    "layer.alpha_dropout": "model: {defaults: {activation: selu, init: lecun}, layers: "
    + VECTOR % "alpha_dropout"
    + "}",
    "layer.spatial_dropout": "model: {layers: [{conv: {channels: 16}}, spatial_dropout, {conv: {channels: 8}}]}",
    "regularization.stochastic_depth": "model: {defaults: {norm: batch, stochastic_depth: {rate: 0.3}}}",
    "regularization.l1": "regularization: {l1: {factor: 1.0e-4}}",
    "regularization.lp": "regularization: {lp: {factor: 1.0e-4, p: 0.5}}",
    "optimizer.momentum": "optimizer: {momentum: {lr: 0.05}}",
    "optimizer.nesterov": "optimizer: {nesterov: {lr: 0.05}}",
    "optimizer.adam": "optimizer: adam",
    "optimizer.adamw": "{optimizer: {adamw: {}}, regularization: {l2: {factor: 0.01}}}",
    "optimizer.rmsprop": "optimizer: rmsprop",
    "optimizer.lbfgs": "{optimizer: lbfgs, schedule: constant, training: {batch_size: 1000}}",
    "optimizer.kfac": "{optimizer: kfac, model: {defaults: {norm: batch}}}",
    "optimizer.shampoo": "optimizer: {shampoo: {update_every: 2}}",
    "optimizer.soap": "optimizer: soap",
    "optimizer.adahessian": "optimizer: adahessian",
    "optimizer.muon": "optimizer: muon",
    "schedule.polynomial": "schedule: {polynomial: {warmup_epochs: 0.5}}",
    "schedule.exponential": "schedule: {exponential: {warmup_epochs: 0.5}}",
    "schedule.one_cycle": "schedule: one_cycle",
    "schedule.constant": "schedule: {constant: {warmup_epochs: 0.5}}",
}


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_trains(choice: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    text = yaml.safe_dump(merged(yaml.safe_load(BASE), yaml.safe_load(CHOICES[choice])), sort_keys=False)
    document = parse_text(text)
    assert document.spec, [finding.message for finding in document.findings]
    with Run.create(tmp_path / "run", document.spec) as run:
        losses = [event.train_loss for event in fit(run, device="cpu") if isinstance(event, Epoch)]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < 0.9 * losses[0]


def merged(base: Any, change: Any) -> Any:
    """`base` with the keys of `change` put in; lists, words and optimizers replace."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    replaced = {key: value if key == "optimizer" else merged(base.get(key), value) for key, value in change.items()}
    return {**base, **replaced}
