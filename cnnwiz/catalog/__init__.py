"""Every choice, section by section: the table that prompts, schema, `explain`, README and tests read."""

from typing import NamedTuple

from cnnwiz.catalog.activation import ACTIVATIONS, Activation
from cnnwiz.catalog.augmentation import AUGMENTATIONS, Augmentation
from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.convolution import CONVOLUTIONS, Convolution
from cnnwiz.catalog.detection import DETECTION_HEADS, DETECTION_LOSSES, DETECTION_SOURCES
from cnnwiz.catalog.distortion import DISTORTIONS
from cnnwiz.catalog.dropout import DROPOUTS, StochasticDepth
from cnnwiz.catalog.head import HEADS, Head
from cnnwiz.catalog.initialization import INITIALIZATIONS, Initialization
from cnnwiz.catalog.input import INPUTS, Input
from cnnwiz.catalog.layer import Layer
from cnnwiz.catalog.layers import LAYERS
from cnnwiz.catalog.lookahead import Lookahead
from cnnwiz.catalog.loss import LOSSES, Loss
from cnnwiz.catalog.mixing import MIXINGS
from cnnwiz.catalog.normalization import NORMALIZATIONS, Normalization
from cnnwiz.catalog.optimizer import OPTIMIZERS, Optimizer, Rates
from cnnwiz.catalog.pooling import POOLINGS, Pooling
from cnnwiz.catalog.rectifier import RECTIFIERS
from cnnwiz.catalog.regularization import PENALTIES
from cnnwiz.catalog.sampler import SAMPLERS, Sampler
from cnnwiz.catalog.schedule import SCHEDULES, Schedule
from cnnwiz.catalog.second_order import SECOND_ORDER
from cnnwiz.catalog.shortcut import SHORTCUTS, Shortcut
from cnnwiz.catalog.source import SOURCES, Source
from cnnwiz.catalog.structure import STRUCTURES


class Section(NamedTuple):
    """One chapter of choices: the class a spec field is typed with, and the classes it may hold."""

    base: type[Choice]
    choices: tuple[type[Choice], ...]
    title: str

    @property
    def name(self) -> str:
        """The section's word, as in `cnnwiz explain activation`."""
        return self.base.section


SECTIONS: tuple[Section, ...] = (
    Section(Source, SOURCES + DETECTION_SOURCES, "Data sources"),
    Section(Augmentation, AUGMENTATIONS + DISTORTIONS + MIXINGS, "Data augmentation"),
    Section(Input, INPUTS, "Input transforms"),
    Section(Initialization, INITIALIZATIONS, "Initialization"),
    Section(Activation, ACTIVATIONS + RECTIFIERS, "Activation functions"),
    Section(Loss, LOSSES + DETECTION_LOSSES, "Loss functions"),
    Section(Normalization, NORMALIZATIONS, "Normalization"),
    Section(Optimizer, OPTIMIZERS + SECOND_ORDER, "Optimizers"),
    Section(Schedule, SCHEDULES, "Learning-rate schedules"),
    Section(Sampler, SAMPLERS, "Samplers"),
    Section(Convolution, CONVOLUTIONS, "Convolutions"),
    Section(Pooling, POOLINGS, "Pooling"),
    Section(Layer, LAYERS + DROPOUTS + STRUCTURES, "Layers and blocks"),
    Section(Shortcut, SHORTCUTS, "Shortcuts of residual blocks"),
    Section(Head, HEADS + DETECTION_HEADS, "Heads"),
)

PARTS: tuple[type[Choice], ...] = (*PENALTIES, StochasticDepth, Rates, Lookahead)
"""Documented choices that are keys of a mapping instead of one of several names."""


def section_of(base: type) -> Section | None:
    """The section whose base class this is."""
    return next((section for section in SECTIONS if section.base is base), None)


def find(name: str) -> list[type[Choice]]:
    """The choices called `name`: a word (`elu`), or section and word (`activation.elu`)."""
    everything = [choice for section in SECTIONS for choice in section.choices] + list(PARTS)
    return [choice for choice in everything if name in (choice.key, f"{choice.section}.{choice.key}")]
