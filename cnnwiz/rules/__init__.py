"""The rules, one file each, and how a spec is held against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnwiz.rules.activation_without_hidden_layers import ActivationWithoutHiddenLayers
from cnnwiz.rules.adam_with_l1 import AdamWithL1
from cnnwiz.rules.adam_with_l2 import AdamWithL2
from cnnwiz.rules.adaptive_pool_before_conv_head import AdaptivePoolBeforeConvHead
from cnnwiz.rules.average_pooling_in_trunk import AveragePoolingInTrunk
from cnnwiz.rules.batch_norm_in_googlenet import BatchNormInGooglenet
from cnnwiz.rules.batch_norm_on_small_batch import BatchNormOnSmallBatch
from cnnwiz.rules.bias_before_norm import BiasBeforeNorm
from cnnwiz.rules.canvas_below_image_size import CanvasBelowImageSize
from cnnwiz.rules.ceil_with_strided_conv import CeilWithStridedConv
from cnnwiz.rules.changed_after_mixing import ChangedAfterMixing
from cnnwiz.rules.classes_apart_for_classifier import ClassesApartForClassifier
from cnnwiz.rules.clipping_with_second_order import ClippingWithSecondOrder
from cnnwiz.rules.coarse_stem import CoarseStem
from cnnwiz.rules.colour_space_of_normalized import ColourSpaceOfNormalized
from cnnwiz.rules.cropped_polar import CroppedPolar
from cnnwiz.rules.decay_on_norm import DecayOnNorm
from cnnwiz.rules.deep_plain_elu import DeepPlainElu
from cnnwiz.rules.dropout_before_norm import DropoutBeforeNorm
from cnnwiz.rules.dropout_with_selu import DropoutWithSelu
from cnnwiz.rules.elu_with_batch_norm import EluWithBatchNorm
from cnnwiz.rules.endless_warmup import EndlessWarmup
from cnnwiz.rules.final_map_too_small import FinalMapTooSmall
from cnnwiz.rules.flatten_head_on_large_map import FlattenHeadOnLargeMap
from cnnwiz.rules.flipped_digits import FlippedDigits
from cnnwiz.rules.gaussian_without_norm import GaussianWithoutNorm
from cnnwiz.rules.grey_from_colour import GreyFromColour
from cnnwiz.rules.grouped_pointwise_without_shuffle import GroupedPointwiseWithoutShuffle
from cnnwiz.rules.head_of_another_task import HeadOfAnotherTask
from cnnwiz.rules.heavy_dropout_with_batch_norm import HeavyDropoutWithBatchNorm
from cnnwiz.rules.heavy_dropout_without_norm import HeavyDropoutWithoutNorm
from cnnwiz.rules.hinge_without_l2 import HingeWithoutL2
from cnnwiz.rules.huge_batch import HugeBatch
from cnnwiz.rules.idle_residual_option import IdleResidualOption
from cnnwiz.rules.idle_shuffle import IdleShuffle
from cnnwiz.rules.imagenet_statistics_on_grey import ImagenetStatisticsOnGrey
from cnnwiz.rules.impossible_shape import ImpossibleShape, NetworkTooLarge
from cnnwiz.rules.kaiming_with_sigmoid import KaimingWithSigmoid
from cnnwiz.rules.kfac_without_likelihood import KfacWithoutLikelihood
from cnnwiz.rules.large_kernel import LargeKernel
from cnnwiz.rules.lbfgs_on_noise import LbfgsOnNoise
from cnnwiz.rules.lbfgs_with_center import LbfgsWithCenter
from cnnwiz.rules.lecun_with_relu import LecunWithRelu
from cnnwiz.rules.lighting_on_grey import LightingOnGrey
from cnnwiz.rules.loss_of_another_task import LossOfAnotherTask
from cnnwiz.rules.low_precision_with_second_order import LowPrecisionWithSecondOrder
from cnnwiz.rules.lsuv_with_batch_norm import LsuvWithBatchNorm
from cnnwiz.rules.max_pooling_only import MaxPoolingOnly
from cnnwiz.rules.maxout_with_batch_norm import MaxoutWithBatchNorm
from cnnwiz.rules.micro_batch_with_adahessian import MicroBatchWithAdahessian
from cnnwiz.rules.micro_batch_with_triplet import MicroBatchWithTriplet
from cnnwiz.rules.mismatched_learning_rate import MismatchedLearningRate
from cnnwiz.rules.mixing_with_hard_loss import MixingWithHardLoss
from cnnwiz.rules.nesterov_without_momentum import NesterovWithoutMomentum
from cnnwiz.rules.network_without_activation import NetworkWithoutActivation
from cnnwiz.rules.not_linear_schedule import NotLinearSchedule
from cnnwiz.rules.open_preactivation import OpenPreactivation
from cnnwiz.rules.reading import READING
from cnnwiz.rules.relu_without_norm import ReluWithoutNorm
from cnnwiz.rules.repair import with_repair
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.saturating_activation_without_norm import SaturatingActivationWithoutNorm
from cnnwiz.rules.schedule_not_finished import ScheduleNotFinished
from cnnwiz.rules.schedule_with_lbfgs import ScheduleWithLbfgs
from cnnwiz.rules.selu_with_norm import SeluWithNorm
from cnnwiz.rules.selu_with_shortcuts import SeluWithShortcuts
from cnnwiz.rules.selu_without_lecun import SeluWithoutLecun
from cnnwiz.rules.shampoo_on_wide_layer import ShampooOnWideLayer
from cnnwiz.rules.smoothed_mixed_labels import SmoothedMixedLabels
from cnnwiz.rules.stacked_policies import StackedPolicies
from cnnwiz.rules.stochastic_pooling import StochasticPooling
from cnnwiz.rules.strided_remainder import StridedRemainder
from cnnwiz.rules.subject import subject_of
from cnnwiz.rules.suppression import SUPPRESSION, Silenced, divided, is_family, lasting
from cnnwiz.rules.triplet_on_shuffled_batches import TripletOnShuffledBatches
from cnnwiz.rules.uneven_micro_batch import UnevenMicroBatch
from cnnwiz.rules.uneven_pk_batch import UnevenPkBatch
from cnnwiz.rules.unfit_colour_transform import UnfitColourTransform
from cnnwiz.rules.unit_length_with_a_softmax import UnitLengthWithASoftmax
from cnnwiz.rules.unknown_image_size import UnknownImageSize
from cnnwiz.rules.unscaled_inception_residual import UnscaledInceptionResidual
from cnnwiz.rules.untransformed_colours import UntransformedColours
from cnnwiz.rules.weight_decay_with_lbfgs import WeightDecayWithLbfgs
from cnnwiz.rules.weight_norm_before_batch_norm import WeightNormBeforeBatchNorm
from cnnwiz.rules.weight_norm_with_matrix_optimizer import WeightNormWithMatrixOptimizer
from cnnwiz.rules.wrong_class_count import WrongClassCount
from cnnwiz.rules.xavier_with_relu import XavierWithRelu
from cnnwiz.spec import Document, Finding, Spec
from cnnwiz.spec.finding import SEVERITIES, ordered, show_path

RULES: tuple[Rule, ...] = (
    UnknownImageSize(),
    CanvasBelowImageSize(),
    WrongClassCount(),
    ImagenetStatisticsOnGrey(),
    GreyFromColour(),
    ClassesApartForClassifier(),
    ColourSpaceOfNormalized(),
    ImpossibleShape(),
    ReluWithoutNorm(),
    EluWithBatchNorm(),
    SaturatingActivationWithoutNorm(),
    DeepPlainElu(),
    NetworkWithoutActivation(),
    AveragePoolingInTrunk(),
    MaxPoolingOnly(),
    FlattenHeadOnLargeMap(),
    CoarseStem(),
    FinalMapTooSmall(),
    XavierWithRelu(),
    KaimingWithSigmoid(),
    BiasBeforeNorm(),
    CeilWithStridedConv(),
    GaussianWithoutNorm(),
    ActivationWithoutHiddenLayers(),
    LecunWithRelu(),
    MaxoutWithBatchNorm(),
    SeluWithoutLecun(),
    SeluWithNorm(),
    SeluWithShortcuts(),
    WeightNormBeforeBatchNorm(),
    LsuvWithBatchNorm(),
    LargeKernel(),
    UntransformedColours(),
    UnfitColourTransform(),
    BatchNormInGooglenet(),
    HeadOfAnotherTask(),
    StochasticPooling(),
    IdleResidualOption(),
    OpenPreactivation(),
    GroupedPointwiseWithoutShuffle(),
    IdleShuffle(),
    AdaptivePoolBeforeConvHead(),
    UnscaledInceptionResidual(),
    StridedRemainder(),
    NetworkTooLarge(),
    NotLinearSchedule(),
    ScheduleNotFinished(),
    MismatchedLearningRate(),
    HugeBatch(),
    AdamWithL2(),
    DecayOnNorm(),
    NesterovWithoutMomentum(),
    UnevenMicroBatch(),
    EndlessWarmup(),
    BatchNormOnSmallBatch(),
    TripletOnShuffledBatches(),
    UnevenPkBatch(),
    LossOfAnotherTask(),
    LbfgsOnNoise(),
    WeightDecayWithLbfgs(),
    KfacWithoutLikelihood(),
    WeightNormWithMatrixOptimizer(),
    AdamWithL1(),
    MicroBatchWithAdahessian(),
    ClippingWithSecondOrder(),
    LowPrecisionWithSecondOrder(),
    MicroBatchWithTriplet(),
    UnitLengthWithASoftmax(),
    LbfgsWithCenter(),
    ScheduleWithLbfgs(),
    ShampooOnWideLayer(),
    HeavyDropoutWithBatchNorm(),
    DropoutBeforeNorm(),
    FlippedDigits(),
    HingeWithoutL2(),
    HeavyDropoutWithoutNorm(),
    DropoutWithSelu(),
    MixingWithHardLoss(),
    StackedPolicies(),
    LightingOnGrey(),
    ChangedAfterMixing(),
    SmoothedMixedLabels(),
    CroppedPolar(),
    *READING,
    *SUPPRESSION,
)
"""Every rule in the order of its code."""


def lint(spec: Spec | Document) -> list[Finding]:
    """What is wrong with a spec or could be better in it, the worst first; of a document, what `check` says.

    Without a document findings name their place by `path` only.
    """
    if isinstance(spec, Document):
        return check(spec)
    subject = subject_of(spec)
    found = {finding for rule in RULES for finding in rule.check(subject)}
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.code, show_path(f.path)))


def check(document: Document) -> list[Finding]:
    """What is wrong with a document or could be better in it, in its order, without what comments silence."""
    return examine(document)[0]


def examine(document: Document) -> tuple[list[Finding], list[Silenced]]:
    """What `check` says of a document, and what comments silence, with their reasons."""
    found = list(document.findings)
    if document.spec is not None:
        subject = subject_of(document.spec, document)
        found += [finding for rule in RULES for finding in rule.check(subject)]
    stay, silenced = divided(document, ordered(with_repair(finding, document) for finding in found), RULES)
    return ordered(stay), silenced


def find(word: str) -> list[Rule]:
    """The rules that a code (CNN201), a name (relu-without-norm) or the beginning of a code (CNN2) stands for."""
    whole = [rule for rule in RULES if word in (rule.code, rule.name)]
    return whole or [rule for rule in RULES if is_family(word) and rule.code.startswith(word)]


def selected(findings: Iterable[Finding], select: Sequence[str], ignore: Sequence[str]) -> list[Finding]:
    """The findings of the selected rules (of all, where none are), but for the ignored ones. Words as in `find`.

    Errors that leave no network to train are always among them: without one nothing else was looked at.
    """
    wanted = {rule.code for word in select for rule in find(word)} if select else {rule.code for rule in RULES}
    wanted -= {rule.code for word in ignore for rule in find(word)}
    return [finding for finding in findings if finding.code in wanted or lasting(finding)]
