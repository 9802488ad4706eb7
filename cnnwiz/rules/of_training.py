"""The rules about optimization, regularization, evaluation and cost, CNN3 to CNN6: one file each."""

from __future__ import annotations

from cnnwiz.rules.adam_with_l1 import AdamWithL1
from cnnwiz.rules.adam_with_l2 import AdamWithL2
from cnnwiz.rules.average_longer_than_training import AverageLongerThanTraining
from cnnwiz.rules.batch_beyond_data import BatchBeyondData
from cnnwiz.rules.batch_beyond_memory import BatchBeyondMemory
from cnnwiz.rules.batch_hard_from_start import BatchHardFromStart
from cnnwiz.rules.batch_norm_on_small_batch import BatchNormOnSmallBatch
from cnnwiz.rules.changed_after_mixing import ChangedAfterMixing
from cnnwiz.rules.clipping_with_second_order import ClippingWithSecondOrder
from cnnwiz.rules.cropped_polar import CroppedPolar
from cnnwiz.rules.decay_on_depthwise import DecayOnDepthwise
from cnnwiz.rules.decay_on_norm import DecayOnNorm
from cnnwiz.rules.dropout_before_norm import DropoutBeforeNorm
from cnnwiz.rules.dropout_on_maps import DropoutOnMaps
from cnnwiz.rules.dropout_with_selu import DropoutWithSelu
from cnnwiz.rules.endless_warmup import EndlessWarmup
from cnnwiz.rules.fine_tuning_at_full_rate import FineTuningAtFullRate
from cnnwiz.rules.flipped_digits import FlippedDigits
from cnnwiz.rules.folder_of_two_splits import FolderOfTwoSplits
from cnnwiz.rules.hardly_any_steps import HardlyAnySteps
from cnnwiz.rules.head_of_one_size import HeadOfOneSize
from cnnwiz.rules.heavy_dropout_with_batch_norm import HeavyDropoutWithBatchNorm
from cnnwiz.rules.heavy_dropout_without_norm import HeavyDropoutWithoutNorm
from cnnwiz.rules.hinge_without_l2 import HingeWithoutL2
from cnnwiz.rules.huge_batch import HugeBatch
from cnnwiz.rules.idle_weight_decay import IdleWeightDecay
from cnnwiz.rules.implausible_learning_rate import ImplausibleLearningRate
from cnnwiz.rules.impossible_phase import ImpossiblePhase
from cnnwiz.rules.kfac_on_small_batch import KfacOnSmallBatch
from cnnwiz.rules.kfac_without_likelihood import KfacWithoutLikelihood
from cnnwiz.rules.l1_with_lbfgs import L1WithLbfgs
from cnnwiz.rules.large_batch_without_warmup import LargeBatchWithoutWarmup
from cnnwiz.rules.lbfgs_on_noise import LbfgsOnNoise
from cnnwiz.rules.lbfgs_on_part import LbfgsOnPart
from cnnwiz.rules.lbfgs_with_center import LbfgsWithCenter
from cnnwiz.rules.lighting_on_grey import LightingOnGrey
from cnnwiz.rules.lopsided_validation import LopsidedValidation
from cnnwiz.rules.loss_of_another_task import LossOfAnotherTask
from cnnwiz.rules.low_precision_with_second_order import LowPrecisionWithSecondOrder
from cnnwiz.rules.micro_batch_with_adahessian import MicroBatchWithAdahessian
from cnnwiz.rules.micro_batch_with_triplet import MicroBatchWithTriplet
from cnnwiz.rules.mismatched_learning_rate import MismatchedLearningRate
from cnnwiz.rules.mixing_with_hard_loss import MixingWithHardLoss
from cnnwiz.rules.nesterov_without_momentum import NesterovWithoutMomentum
from cnnwiz.rules.no_validation import NoValidation
from cnnwiz.rules.not_linear_schedule import NotLinearSchedule
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.schedule_not_finished import ScheduleNotFinished
from cnnwiz.rules.schedule_with_lbfgs import ScheduleWithLbfgs
from cnnwiz.rules.shampoo_on_wide_layer import ShampooOnWideLayer
from cnnwiz.rules.small_validation import SmallValidation
from cnnwiz.rules.smoothed_mixed_labels import SmoothedMixedLabels
from cnnwiz.rules.stacked_policies import StackedPolicies
from cnnwiz.rules.triplet_on_shuffled_batches import TripletOnShuffledBatches
from cnnwiz.rules.turned_photos import TurnedPhotos
from cnnwiz.rules.unannealed_a_softmax import UnannealedASoftmax
from cnnwiz.rules.undropped_hidden_layers import UndroppedHiddenLayers
from cnnwiz.rules.uneven_micro_batch import UnevenMicroBatch
from cnnwiz.rules.uneven_pk_batch import UnevenPkBatch
from cnnwiz.rules.unit_length_with_a_softmax import UnitLengthWithASoftmax
from cnnwiz.rules.unmoved_boxes import UnmovedBoxes
from cnnwiz.rules.warmup_in_one_cycle import WarmupInOneCycle
from cnnwiz.rules.weak_weight_decay import WeakWeightDecay
from cnnwiz.rules.weight_decay_with_lbfgs import WeightDecayWithLbfgs
from cnnwiz.rules.weight_norm_with_matrix_optimizer import WeightNormWithMatrixOptimizer

TRAINING: tuple[Rule, ...] = (
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
    ImplausibleLearningRate(),
    LargeBatchWithoutWarmup(),
    WarmupInOneCycle(),
    AverageLongerThanTraining(),
    HardlyAnySteps(),
    ScheduleWithLbfgs(),
    ShampooOnWideLayer(),
    BatchBeyondData(),
    WeakWeightDecay(),
    IdleWeightDecay(),
    DecayOnDepthwise(),
    L1WithLbfgs(),
    BatchHardFromStart(),
    UnannealedASoftmax(),
    KfacOnSmallBatch(),
    HeadOfOneSize(),
    FineTuningAtFullRate(),
    LbfgsOnPart(),
    ImpossiblePhase(),
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
    DropoutOnMaps(),
    TurnedPhotos(),
    UndroppedHiddenLayers(),
    UnmovedBoxes(),
    NoValidation(),
    SmallValidation(),
    LopsidedValidation(),
    FolderOfTwoSplits(),
    BatchBeyondMemory(),
)
"""In the order of their codes."""
