"""What cannot be trained at all, which parameters decay, the rate of a step: pure functions beside the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from cnnwiz.catalog.primitive import Convolution2d, Linear
from cnnwiz.catalog.regularization import L2, NEVER_DECAYED
from cnnwiz.errors import CnnwizError
from cnnwiz.rules.classes_apart_for_classifier import ClassesApartForClassifier
from cnnwiz.rules.clipping_with_second_order import ClippingWithSecondOrder
from cnnwiz.rules.colour_space_of_normalized import ColourSpaceOfNormalized
from cnnwiz.rules.cropped_boxes import CroppedBoxes
from cnnwiz.rules.head_of_another_task import HeadOfAnotherTask
from cnnwiz.rules.images_without_a_class import ImagesWithoutAClass
from cnnwiz.rules.impossible_phase import ImpossiblePhase
from cnnwiz.rules.kfac_without_likelihood import KfacWithoutLikelihood
from cnnwiz.rules.lbfgs_with_center import LbfgsWithCenter
from cnnwiz.rules.lighting_on_grey import LightingOnGrey
from cnnwiz.rules.loss_of_another_task import LossOfAnotherTask
from cnnwiz.rules.low_precision_with_second_order import LowPrecisionWithSecondOrder
from cnnwiz.rules.micro_batch_with_adahessian import MicroBatchWithAdahessian
from cnnwiz.rules.micro_batch_with_triplet import MicroBatchWithTriplet
from cnnwiz.rules.mixing_with_hard_loss import MixingWithHardLoss
from cnnwiz.rules.source_of_another_task import SourceOfAnotherTask
from cnnwiz.rules.subject import subject_of
from cnnwiz.rules.triplet_on_shuffled_batches import TripletOnShuffledBatches
from cnnwiz.rules.uneven_pk_batch import UnevenPkBatch
from cnnwiz.rules.unmoved_boxes import UnmovedBoxes
from cnnwiz.rules.weight_decay_with_lbfgs import WeightDecayWithLbfgs
from cnnwiz.rules.weight_norm_with_matrix_optimizer import WeightNormWithMatrixOptimizer

if TYPE_CHECKING:
    from cnnwiz.graph import Graph, Node
    from cnnwiz.spec import Spec

Group = dict[str, Any]

IMPOSSIBLE = (
    ImpossiblePhase(),
    ClassesApartForClassifier(),
    SourceOfAnotherTask(),
    CroppedBoxes(),
    ImagesWithoutAClass(),
    HeadOfAnotherTask(),
    LossOfAnotherTask(),
    TripletOnShuffledBatches(),
    UnevenPkBatch(),
    MicroBatchWithTriplet(),
    LbfgsWithCenter(),
    WeightDecayWithLbfgs(),
    KfacWithoutLikelihood(),
    WeightNormWithMatrixOptimizer(),
    MicroBatchWithAdahessian(),
    ClippingWithSecondOrder(),
    LowPrecisionWithSecondOrder(),
    ColourSpaceOfNormalized(),
    MixingWithHardLoss(),
    LightingOnGrey(),
    UnmovedBoxes(),
)
"""Rules about what cannot be computed, or would be computed wrongly: they hold for whoever trains without lint, too."""


def require_possible(spec: Spec, images: int) -> None:
    """Raise CnnwizError where loss, optimizer, head or batches cannot do what the spec says; `images` are trained."""
    subject = subject_of(spec)
    for rule in IMPOSSIBLE:
        for finding in rule.check(subject):
            raise CnnwizError(f"{finding.message} ({rule.code})")
    if spec.optimizer.closure and spec.training.batch_size < images:
        raise CnnwizError(
            f"optimizer.{spec.optimizer.key} needs the same images at every step: write training.batch_size {images}; "
            "micro_batch keeps memory small"
        )


def parameter_groups(network: nn.Module, graph: Graph, spec: Spec, loss: nn.Module | None = None) -> list[Group]:
    """Groups for the optimizer: parameters that decay by `l2.factor` apart from those whose role is spared, and hidden
    matrices apart from the rest where the optimizer asks for that, all by role and depth where the rate differs. What
    the loss owns are weights and biases of a classifier."""
    l2, rates = spec.regularization.l2, spec.optimizer.rates
    hidden = set(_hidden_matrices(graph)) if spec.optimizer.matrices else set()
    groups: dict[tuple[float, bool, float, float], list[nn.Parameter]] = {}
    for node in graph.nodes:
        for name, parameter in node.parameters.items():
            full = f"{node.name}.{name}"
            role = parameter.role
            key = (_decay(l2, role), full in hidden, rates.of(role), _depth_factor(spec, node))
            groups.setdefault(key, []).append(network.get_parameter(full))
    for owned in loss.parameters() if loss is not None else ():
        role = "bias" if owned.dim() == 1 else "classifier"
        key = (_decay(l2, role), False, rates.of(role), 1.0)
        groups.setdefault(key, []).append(owned)
    return [
        {"params": params, "weight_decay": decay, "matrices": is_matrix, "lr_factor": rate, "depth_factor": depth}
        for (decay, is_matrix, rate, depth), params in groups.items()
    ]


def _depth_factor(spec: Spec, node: Node) -> float:
    """What `training.layer_decay` makes of the learning rate: 1 in the head, less by one factor for each line of
    model.layers in front of it; input transforms are in front of all."""
    lines = len(spec.model.layers)
    before = {"head": 0, "input": lines + 1}.get(str(node.path[1]))
    return (spec.training.layer_decay or 1.0) ** (lines - int(node.path[2]) if before is None else before)


def _decay(l2: L2 | None, role: str) -> float:
    return 0.0 if l2 is None or role in (*l2.skip, *NEVER_DECAYED) else l2.factor


def _hidden_matrices(graph: Graph) -> list[str]:
    """Weights that mix all channels in front of them, but for those of the first layer and of classifiers."""
    first = next((node for node in graph.nodes if isinstance(node.operation, (Convolution2d, Linear))), None)
    return [
        f"{node.name}.{name}"
        for node in graph.nodes
        for name, parameter in node.parameters.items()
        if parameter.role == "weight" and getattr(node.operation, "groups", 1) == 1 and node is not first
    ]


def learning_rate(spec: Spec, step: int, steps_per_epoch: int) -> float:
    """The rate of a step (0-based), read off the schedule at the middle of the step: never 0 at either end."""
    epochs = spec.training.epochs
    return spec.optimizer.lr * spec.schedule.factor((step + 0.5) / steps_per_epoch, epochs)
