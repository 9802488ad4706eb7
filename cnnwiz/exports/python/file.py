"""The whole file: what a person needs to use, change and train the network without this project."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np
import yaml

from cnnwiz import __version__
from cnnwiz.catalog.choice import plain
from cnnwiz.catalog.loss import CrossEntropy, Hinge
from cnnwiz.data import decode, loader
from cnnwiz.evaluation.trained import Trained
from cnnwiz.exports.python.layout import Call, literal, statement
from cnnwiz.exports.python.network import Written
from cnnwiz.exports.python.sources import sources
from cnnwiz.exports.python.template import (
    CHECK,
    CLASSIFY,
    EMBED,
    END,
    IMPORTS,
    MAIN,
    PREDICT,
    SHOW_CLASSES,
    SHOW_LIKENESS,
    TRAIN,
)
from cnnwiz.nn import input as input_layers
from cnnwiz.nn import layers
from cnnwiz.spec import Spec


def python_file(trained: Trained, stem: str, facts: list[str]) -> tuple[str, dict[str, np.ndarray]]:
    """The text of the file STEM.py, and the arrays of STEM.npz beside it.

    `facts` are lines for its docstring. What comes from files of others (names of classes) is written as literals only.
    """
    written = Written(trained.network)
    sections = [
        _constants(trained),
        *_own_layers(written.classes),
        "# The network\n\n\n" + written.code,
        "# From an image file to the network's input\n\n\n" + _input(),
        "# Use\n" + PREDICT + (EMBED if trained.embeds else CLASSIFY) + _training(trained),
    ]
    end = MAIN + (SHOW_LIKENESS if trained.embeds else SHOW_CLASSES) + END
    body = "\n\n\n".join(section.strip("\n") for section in sections) + "\n" + end
    head = f"{_docstring(trained, stem, facts)}\nfrom __future__ import annotations\n\nimport argparse\n"
    return f"{head}{_imports(body)}\n{body}", _arrays(trained, written)


def _own_layers(classes: set[str]) -> list[str]:
    """The layers that torch lacks."""
    own = [name for name in classes if hasattr(layers, name)]
    texts = [*sources(layers, own), *_constants_first(input_layers, [name for name in classes if name not in own])]
    return ["# Layers that torch lacks\n\n\n" + "\n\n\n".join(texts)] if texts else []


def _input() -> str:
    decoding = _constants_first(decode, ("FORMATS", "upright", "eight_bits", "to_canvas"))
    return "\n\n\n".join([*decoding, *_constants_first(loader, ("preprocess",))])


def _constants_first(module: ModuleType, names: Iterable[str]) -> list[str]:
    """Sources with the constants in one paragraph in front."""
    found = sources(module, names)
    constants = [text for text in found if not text.startswith(("def ", "class ", "@"))]
    rest = [text for text in found if text not in constants]
    return ["\n".join(constants), *rest] if constants else rest


def _docstring(trained: Trained, stem: str, facts: list[str]) -> str:
    what = "embeddings" if trained.embeds else f"{len(trained.classes)} classes"
    use = "how alike images are" if trained.embeds else "the most probable classes of images"
    lines = [
        f'"""{trained.spec.name}: from images to {what}, in plain PyTorch.',
        "",
        *facts,
        f"Written by cnnwiz {__version__} from the run's {trained.weights} weights, those after epoch {trained.epoch}. "
        "Needs torch, torchvision and Pillow.",
        f"The weights lie beside this file in {stem}.npz, a format that holds numbers only and runs no code.",
        "",
        f"    python {stem}.py IMAGE...          {use}",
        f"    python {stem}.py --train FOLDER    go on training on FOLDER/CLASS/*",
        '"""',
        "",
    ]
    return "\n".join(lines)


def _imports(body: str) -> str:
    chosen = [line for line, pattern in IMPORTS if not line or re.search(pattern, body)]
    return "\n".join(chosen) + "\n"


def _constants(trained: Trained) -> str:
    names = Call("", tuple(("", literal(name)) for name in trained.classes))
    facts = [f'    "{key}": {literal(value)},\n' for key, value in trained.preprocessing.items() if key != "version"]
    outputs = trained.graph.output[0]
    return (
        'WEIGHTS = Path(__file__).with_suffix(".npz")\n'
        + ("" if trained.embeds else statement("CLASSES = ", names, 0))
        + f"OUTPUTS = {outputs}\n"
        + "PREPROCESSING = {\n"
        + "".join(facts)
        + "}\n"
    )


def _training(trained: Trained) -> str:
    """The training loop with the run's own optimizer and loss where plain torch has them."""
    spec, embeds = trained.spec, trained.embeds
    words = yaml.safe_dump(plain(spec.augment), default_flow_style=True, width=math.inf).strip() if spec.augment else ""
    head = "    classifier = nn.Linear(OUTPUTS, len(images.classes))  # for training only\n" if embeds else ""
    parameters = "[*network.parameters(), *classifier.parameters()]" if embeds else "network.parameters()"
    return TRAIN.format(
        rate=float(getattr(spec.optimizer, "lr", None) or 0.01) / 10,
        more=f"\n\n    The run also augmented its images: {ascii(words)[1:-1]}.\n    " if words else "",
        check="" if embeds else CHECK,
        head=head,
        loss=_loss(spec),
        optimizer=_optimizer(spec, parameters),
        outputs="classifier(network(pixels))" if embeds else "network(pixels)",
    )


def _loss(spec: Spec) -> str:
    if isinstance(spec.loss, Hinge):
        return f"nn.MultiMarginLoss(p={spec.loss.power}, margin={spec.loss.margin})"
    smoothing = spec.loss.label_smoothing if isinstance(spec.loss, CrossEntropy) else 0.0
    return f"nn.CrossEntropyLoss(label_smoothing={smoothing})" if smoothing else "nn.CrossEntropyLoss()"


def _optimizer(spec: Spec, parameters: str) -> str:
    kind = {"adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}.get(spec.optimizer.key)
    if kind:
        return f"torch.optim.{kind}({parameters}, lr=rate)"
    return f"torch.optim.SGD({parameters}, lr=rate, momentum=0.9, nesterov=True)"


def _arrays(trained: Trained, written: Written) -> dict[str, np.ndarray]:
    """The tensors of the run's network by their names in the file."""
    return {
        f"{path}{name}": tensor.cpu().numpy()
        for node, path in written.paths().items()
        for name, tensor in _tensors(trained, node).items()
    }


def _tensors(trained: Trained, node: str) -> dict[str, Any]:
    return trained.network.get_submodule(node).state_dict()
