"""Mistakes: the images of which the network was most sure and wrong, and where it looked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cnnwiz.data.loader import preprocess
from cnnwiz.errors import CnnwizError
from cnnwiz.evaluation import Evaluation
from cnnwiz.nn.gradcam import look
from cnnwiz.report.blocks import Block, Card, Column, Gallery, Mono, Section, Text, beside
from cnnwiz.report.numbers import percent
from cnnwiz.report.pictures import overlaid, picture, strongest
from cnnwiz.report.reading import Reading

MOST = 12
MOST_OF_SEVERAL = 6


def mistakes(runs: Sequence[Reading]) -> Section:
    """A gallery for each run that was measured."""
    found = [run for run in runs if run.classified]
    count = MOST if len(runs) == 1 else MOST_OF_SEVERAL
    columns = tuple(Column(run.label, _of(run, count)) for run in found)
    lead = (
        "Wrong answers the network was most sure of: the image as the network sees it, and where it found the class it "
        "named (Grad-CAM; bright is strong). Mislabelled images gather here, too."
    )
    return Section("mistakes", "Most confident mistakes", lead, beside(columns))


def _of(run: Reading, count: int) -> tuple[Block, ...]:
    evaluation = run.evaluation
    assert evaluation is not None
    chosen = evaluation.outputs.most_confident_mistakes(count)
    if not len(chosen):
        return (Text((f"No {run.split} image was classified wrongly.",)),)
    images, heats, reason = _looked(evaluation, chosen)
    cards = tuple(_card(evaluation, *row) for row in zip(chosen, images, heats, strict=True))
    return (Gallery(cards), *((Text((reason,), "quiet"),) if reason else ()))


def _looked(evaluation: Evaluation, chosen: np.ndarray) -> tuple[np.ndarray, list[np.ndarray | None], str]:
    """The images uint8 (B, H, W, C) as the network sees them, the heat of the class it named, or why there is none."""
    trained, outputs = evaluation.trained, evaluation.outputs
    canvases, side = outputs.pixels.batch(chosen), trained.preprocessing["image_size"]
    start = (canvases.shape[1] - side) // 2
    images = canvases[:, start : start + side, start : start + side]
    inputs = preprocess(canvases, trained.preprocessing, trained.device)
    try:
        heats = look(trained.network, inputs, outputs.predicted[torch.from_numpy(chosen)])
    except CnnwizError as error:
        return images, [None] * len(chosen), f"Without Grad-CAM: {error}."
    return images, [heat.numpy() for heat in heats], ""


def _card(evaluation: Evaluation, index: int, image: np.ndarray, heat: np.ndarray | None) -> Card:
    outputs = evaluation.outputs
    is_, said = (outputs.classes[int(number[index])] for number in (outputs.labels, outputs.predicted))
    probabilities = outputs.probabilities[index]
    right, sure = float(probabilities[int(outputs.labels[index])]), float(probabilities.max())
    key = outputs.keys[index] if outputs.files else f"image {outputs.keys[index]}"
    pictures = [picture(image, f"{key}, of class {is_}")]
    if heat is not None:
        where = strongest(heat)
        pictures.append(picture(overlaid(image, heat), f"Where {said} was found in it: {where}"))
    lines = (f"{said}: {percent(sure)}, {is_}: {percent(right)}", Mono(key))
    return Card(tuple(pictures), f"{is_}, taken for {said}", lines)
