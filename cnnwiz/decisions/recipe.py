"""Questions about training: the loss, how long, the optimizer and its learning rate, what keeps the weights small."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnwiz.catalog.regularization import PENALTIES
from cnnwiz.decisions.data import side_of
from cnnwiz.decisions.parameters import field_question, options, parameter_questions, section_questions
from cnnwiz.decisions.question import Advice, Question
from cnnwiz.spec.document import Spec, Training

PRECISIONS = {
    "auto": "bfloat16 where the device has it in hardware, else float32",
    "float32": "full precision, slowest",
    "bfloat16": "half the memory, range of float32",
    "float16": "half the memory, gradients are scaled",
}


def _loss(answers: Mapping[str, Any]) -> Advice:
    return Advice("cross_entropy", "one label per image, and probabilities come with it")


def _smoothing(answers: Mapping[str, Any]) -> Advice:
    if side_of(answers) < 24:
        return Advice(0.0, "few, easily told classes")
    return Advice(0.1, "a tenth spread over all classes, as in Inception-v3")


def _batch_size(answers: Mapping[str, Any]) -> Advice:
    if answers["data.source"] == "digits":
        return Advice(64, "1,294 images make 20 steps an epoch")
    return Advice(128, "512 with lr scaled to it lost 0.2 points", ("bs512_scaled_lr",))


def _epochs(answers: Mapping[str, Any]) -> Advice:
    return Advice(30, "a first result; the rate reaches zero with the last one")


def _optimizer(answers: Mapping[str, Any]) -> Advice:
    if answers["data.source"] == "digits":
        return Advice("adamw", "3 to 4 errors of 359 on digits, sgd 4 to 6 (3 seeds)")
    return Advice("sgd", "with momentum: the reference for training from scratch")


def _sgd_lr(answers: Mapping[str, Any]) -> Advice:
    batch = answers["training.batch_size"]
    if answers["model.defaults.norm"] == "none":
        return Advice(_two_digits(0.01 * batch / 256), f"without norm 0.01 for 256 images, scaled to {batch}")
    return Advice(_two_digits(0.1 * batch / 128), f"0.1 for 128 images, scaled to {batch}")


def _adam_lr(answers: Mapping[str, Any]) -> Advice:
    if answers["data.source"] == "digits":
        return Advice(0.003, "the steadiest of 0.002, 0.003 and 0.005 on digits")
    return Advice(0.001, "the published value; Adam hardly needs it scaled")


def _schedule(answers: Mapping[str, Any]) -> Advice:
    return Advice("linear", "to zero: +2.2 points over steps on CaffeNet", ("lr_linear",))


def _warmup(answers: Mapping[str, Any]) -> Advice:
    epochs = 1.0 if answers["training.epochs"] >= 5 else 0.0
    return Advice(epochs, "lets norms and momentum settle before the full rate")


def _regularization(answers: Mapping[str, Any]) -> Advice:
    if answers["optimizer"] == "adam":
        return Advice((), "Adam divides an L2 penalty away; adamw does not")
    return Advice(("l2",), "weight decay, the usual penalty")


def _l2_factor(answers: Mapping[str, Any]) -> Advice:
    if answers["optimizer"] == "adamw":
        return Advice(0.02, "acts through lr only, so more of it")
    return Advice(0.0005, "0.0001 lost 2.1 points on CaffeNet", ("reg_wd_1e4",))


def _two_digits(number: float) -> float:
    return float(f"{number:.2g}")


QUESTIONS: tuple[Question, ...] = (
    *section_questions(
        Spec,
        "loss",
        "loss",
        "loss",
        "What is made small?",
        _loss,
        details={"cross_entropy.label_smoothing": ("all", _smoothing)},
    ),
    field_question(Training, "batch_size", "training.batch_size", "training", "Images per step", _batch_size, "guided"),
    field_question(Training, "epochs", "training.epochs", "training", "Epochs", _epochs, "guided"),
    field_question(Training, "micro_batch", "training.micro_batch", "training"),
    field_question(Training, "precision", "training.precision", "training", lines=PRECISIONS),
    field_question(Training, "gradient_clip", "training.gradient_clip", "training"),
    field_question(Training, "ema", "training.ema", "training"),
    field_question(Training, "seed", "training.seed", "training"),
    *section_questions(
        Spec,
        "optimizer",
        "optimizer",
        "optimizer",
        "Which optimizer?",
        _optimizer,
        "guided",
        details={
            "sgd.lr": ("guided", _sgd_lr),
            "adam.lr": ("guided", _adam_lr),
            "adamw.lr": ("guided", _adam_lr),
        },
    ),
    *section_questions(
        Spec,
        "schedule",
        "schedule",
        "optimizer",
        "How does the learning rate fall?",
        _schedule,
        details={"linear.warmup_epochs": ("all", _warmup), "cosine.warmup_epochs": ("all", _warmup)},
    ),
    Question(
        key="regularization",
        chapter="regularization",
        prompt="Which penalties on the weights?",
        kind="several",
        choices=lambda answers: options(PENALTIES, answers),
        recommend=_regularization,
        expects=f"any of {', '.join(penalty.key for penalty in PENALTIES)}",
    ),
    *parameter_questions(PENALTIES, "regularization", "regularization", {"l2.factor": ("all", _l2_factor)}),
)
