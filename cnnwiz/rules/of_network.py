"""The rules about the network, CNN2: one file each."""

from __future__ import annotations

from cnnwiz.rules.activation_without_hidden_layers import ActivationWithoutHiddenLayers
from cnnwiz.rules.adaptive_pool_before_conv_head import AdaptivePoolBeforeConvHead
from cnnwiz.rules.average_pooling_in_trunk import AveragePoolingInTrunk
from cnnwiz.rules.averaged_before_hidden_layers import AveragedBeforeHiddenLayers
from cnnwiz.rules.batch_norm_in_googlenet import BatchNormInGooglenet
from cnnwiz.rules.bias_before_norm import BiasBeforeNorm
from cnnwiz.rules.ceil_with_strided_conv import CeilWithStridedConv
from cnnwiz.rules.coarse_stem import CoarseStem
from cnnwiz.rules.concentrated_parameters import ConcentratedParameters
from cnnwiz.rules.deep_plain_elu import DeepPlainElu
from cnnwiz.rules.double_activation import DoubleActivation
from cnnwiz.rules.double_norm import DoubleNorm
from cnnwiz.rules.elu_with_batch_norm import EluWithBatchNorm
from cnnwiz.rules.field_below_image import FieldBelowImage
from cnnwiz.rules.final_map_too_small import FinalMapTooSmall
from cnnwiz.rules.flatten_head_on_large_map import FlattenHeadOnLargeMap
from cnnwiz.rules.gaussian_without_norm import GaussianWithoutNorm
from cnnwiz.rules.grouped_plain_network import GroupedPlainNetwork
from cnnwiz.rules.grouped_pointwise_without_shuffle import GroupedPointwiseWithoutShuffle
from cnnwiz.rules.head_of_another_task import HeadOfAnotherTask
from cnnwiz.rules.idle_residual_option import IdleResidualOption
from cnnwiz.rules.idle_shuffle import IdleShuffle
from cnnwiz.rules.impossible_shape import ImpossibleShape, NetworkTooLarge
from cnnwiz.rules.kaiming_with_sigmoid import KaimingWithSigmoid
from cnnwiz.rules.keras_momentum import KerasMomentum
from cnnwiz.rules.kernel_beyond_map import KernelBeyondMap
from cnnwiz.rules.large_kernel import LargeKernel
from cnnwiz.rules.layers_beyond_image import LayersBeyondImage
from cnnwiz.rules.lecun_with_relu import LecunWithRelu
from cnnwiz.rules.linear_pair import LinearPair
from cnnwiz.rules.lsuv_with_batch_norm import LsuvWithBatchNorm
from cnnwiz.rules.max_pooling_only import MaxPoolingOnly
from cnnwiz.rules.maxout_with_batch_norm import MaxoutWithBatchNorm
from cnnwiz.rules.missing_bias import MissingBias
from cnnwiz.rules.network_without_activation import NetworkWithoutActivation
from cnnwiz.rules.norm_before_activation import NormBeforeActivation
from cnnwiz.rules.open_preactivation import OpenPreactivation
from cnnwiz.rules.relu_without_norm import ReluWithoutNorm
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.saturating_activation_with_norm import SaturatingActivationWithNorm
from cnnwiz.rules.saturating_activation_without_norm import SaturatingActivationWithoutNorm
from cnnwiz.rules.selu_on_unscaled_input import SeluOnUnscaledInput
from cnnwiz.rules.selu_with_norm import SeluWithNorm
from cnnwiz.rules.selu_with_shortcuts import SeluWithShortcuts
from cnnwiz.rules.selu_without_lecun import SeluWithoutLecun
from cnnwiz.rules.shuffle_without_groups import ShuffleWithoutGroups
from cnnwiz.rules.skipped_positions import SkippedPositions
from cnnwiz.rules.squashed_scores import SquashedScores
from cnnwiz.rules.stochastic_pooling import StochasticPooling
from cnnwiz.rules.strided_remainder import StridedRemainder
from cnnwiz.rules.undropped_conv_head import UndroppedConvHead
from cnnwiz.rules.unfit_colour_transform import UnfitColourTransform
from cnnwiz.rules.unpadded_pooling import UnpaddedPooling
from cnnwiz.rules.unscaled_inception_residual import UnscaledInceptionResidual
from cnnwiz.rules.untransformed_colours import UntransformedColours
from cnnwiz.rules.useless_padding import UselessPadding
from cnnwiz.rules.wasted_resolution import WastedResolution
from cnnwiz.rules.weight_norm_before_batch_norm import WeightNormBeforeBatchNorm
from cnnwiz.rules.xavier_with_relu import XavierWithRelu

NETWORK: tuple[Rule, ...] = (
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
    NormBeforeActivation(),
    UnpaddedPooling(),
    AveragedBeforeHiddenLayers(),
    UndroppedConvHead(),
    WastedResolution(),
    KernelBeyondMap(),
    FieldBelowImage(),
    LayersBeyondImage(),
    UselessPadding(),
    ConcentratedParameters(),
    DoubleActivation(),
    LinearPair(),
    ShuffleWithoutGroups(),
    DoubleNorm(),
    SaturatingActivationWithNorm(),
    KerasMomentum(),
    SkippedPositions(),
    MissingBias(),
    SquashedScores(),
    SeluOnUnscaledInput(),
    GroupedPlainNetwork(),
    NetworkTooLarge(),
)
"""In the order of their codes."""
